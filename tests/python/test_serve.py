"""`python -m emam` and its gateway, as programs of their own."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import emam

COMMAND = [sys.executable, "-m", "emam"]
TOKEN = "a-token-for-tests"


def ask(url: str, operation: str, params: object, token: str = TOKEN) -> object:
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
    body = json.dumps(params).encode()
    request = urllib.request.Request(f"{url}/v1/{operation}", body, headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as refusal:
        with refusal:
            return {"status": refusal.code, **json.load(refusal)}


def test_help_names_the_commands() -> None:
    shown = subprocess.run([*COMMAND, "--help"], capture_output=True, text=True, check=True).stdout
    for command in ["ingest", "search", "runs", "export", "archive", "serve", "doctor", "--json"]:
        assert command in shown


def test_a_clip_is_ingested_and_found(clip: Path, tmp_path: Path) -> None:
    library = str(tmp_path / "library")

    def say(*arguments: str) -> list[dict[str, object]]:
        command = [*COMMAND, "--library", library, "--json", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return [json.loads(line) for line in done.stdout.splitlines()]

    [asset] = say("ingest", "--tag", "rain", str(clip))
    assert asset["lifecycle"] == "ready"
    [hit] = say("search", "rain")
    assert hit["asset"] == asset
    with emam.open(library) as lib:
        assert lib.assets.get(str(asset["id"])).tags == ["rain"]


def test_serve_answers_and_ends_when_told(tmp_path: Path) -> None:
    command = [*COMMAND, "serve", "--library", str(tmp_path / "library")]
    command += ["--bind", "127.0.0.1:0", "--token", TOKEN]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        url = server.stdout.readline().strip()
        project = ask(url, "projects.create", {"name": "Promo"})
        assert isinstance(project, dict) and project["name"] == "Promo"
        refused = ask(url, "projects.list", {}, token="another-token-for-tests")
        assert isinstance(refused, dict)
        assert (refused["status"], refused["kind"]) == (401, "unauthenticated")
        server.send_signal(signal.SIGINT)
        assert server.wait(10) == 0
    finally:
        server.kill()
        server.wait()
        if server.stdout is not None:
            server.stdout.close()
    with emam.open(tmp_path / "library") as lib:
        assert [project.name for project in lib.projects.list()] == ["Promo"]

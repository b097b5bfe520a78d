"""Signals, forks, and the end of the process: each in a child, so that its death can be seen."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

# How many processes open, call and exit in each way.
STRESS = int(os.environ.get("EMAM_STRESS", "40"))


def start(program: str, *arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-X", "faulthandler", "-c", program, *map(str, arguments)]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8"
    )


def end(child: subprocess.Popen[str], seconds: float = 30) -> tuple[int, str, str]:
    try:
        out, err = child.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        child.kill()
        raise
    return child.returncode, out, err


def run(program: str, *arguments: object) -> tuple[int, str, str]:
    return end(start(program, *arguments))


def test_ctrl_c_is_heard_at_once(tmp_path: Path) -> None:
    child = start(
        """
import sys, time, emam
with emam.open(sys.argv[1]) as lib:
    print("waiting", flush=True)
    try:
        lib.events.list(wait_ms=60_000)
    except KeyboardInterrupt:
        print(time.time(), lib.events.last().seq)
""",
        tmp_path,
    )
    assert child.stdout is not None and child.stdout.readline() == "waiting\n"
    time.sleep(0.3)
    sent = time.time()
    child.send_signal(signal.SIGINT)
    code, out, err = end(child)
    assert (code, err) == (0, "")
    heard, last = out.split()
    assert float(heard) - sent < 0.2 and last == "0"


def test_a_signal_handler_may_call_the_library(tmp_path: Path) -> None:
    code, out, err = run(
        """
import signal, sys, emam
lib = emam.open(sys.argv[1])
def handler(*_):
    print(lib.projects.create("from the handler").name)
signal.signal(signal.SIGALRM, handler)
signal.setitimer(signal.ITIMER_REAL, 0.2)
print(lib.events.list(wait_ms=20_000)[0].topic)
lib.close()
""",
        tmp_path,
    )
    assert (code, err) == (0, "")
    assert out.splitlines()[0] == "from the handler" and "project" in out.splitlines()[1]


def test_a_fork_is_refused_and_ends_in_peace(tmp_path: Path) -> None:
    code, out, err = run(
        """
import asyncio, os, sys, warnings, emam
warnings.simplefilter("ignore")  # newer Pythons warn of a fork beside threads
lib = emam.open(sys.argv[1])
if os.fork() == 0:
    for attempt in (
        lib.events.last,
        lib.close,
        lambda: emam.open(sys.argv[1]),
        lambda: asyncio.run(emam.aio.open(sys.argv[1])),
    ):
        try:
            attempt()
        except emam.errors.Conflict as error:
            assert "fork" in str(error) and "spawn" in str(error), error
            print("refused", flush=True)
    del lib
    sys.exit(0)
_, status = os.wait()
print("child", status, lib.events.last().seq)
""",
        tmp_path,
    )
    assert (code, err) == (0, "")
    assert out.splitlines() == ["refused"] * 4 + ["child 0 0"]


def test_processes_that_are_started_afresh_share_a_library(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        """
import multiprocessing, sys, emam
def work(folder):
    with emam.open(folder) as lib:
        return lib.projects.create("spawned").name
if __name__ == "__main__":
    with emam.open(sys.argv[1]) as lib:
        with multiprocessing.get_context("spawn").Pool(2) as pool:
            print(pool.map(work, [sys.argv[1]] * 2), len(list(lib.projects.list())))
"""
    )
    ran = subprocess.run(
        [sys.executable, str(program), str(tmp_path / "library")],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.strip() == "['spawned', 'spawned'] 2"


EXITS = {
    "closed": """
import sys, emam
with emam.open(sys.argv[1]) as lib:
    lib.events.last()
""",
    "not closed": """
import sys, emam
lib = emam.open(sys.argv[1])
lib.projects.create("left")
""",
    "run in flight": """
import sys, emam
lib = emam.open(sys.argv[1])
run = lib.assets.ingest(sys.argv[2], known_content="allow")
next(run.progress())
""",
    "daemon thread waits": """
import sys, threading, time, emam
lib = emam.open(sys.argv[1])
threading.Thread(target=lambda: lib.events.list(wait_ms=60_000), daemon=True).start()
time.sleep(0.1)
""",
    "daemon threads call": """
import sys, threading, time, emam
lib = emam.open(sys.argv[1])
def work():
    while True:
        try:
            lib.events.last()
        except emam.EmamError:
            return
for _ in range(4):
    threading.Thread(target=work, daemon=True).start()
time.sleep(0.05)
""",
    "exception": """
import sys, emam
lib = emam.open(sys.argv[1])
try:
    raise SystemExit(0)
finally:
    lib.events.last()
""",
    "aio closed": """
import asyncio, sys, emam
async def main():
    async with await emam.aio.open(sys.argv[1]) as lib:
        await asyncio.gather(*(lib.events.last() for _ in range(20)))
asyncio.run(main())
""",
    "aio not closed": """
import asyncio, sys, emam
async def main():
    lib = await emam.aio.open(sys.argv[1])
    await lib.assets.ingest(sys.argv[2], known_content="allow")
    asyncio.create_task(lib.events.list(wait_ms=60_000))
    await asyncio.sleep(0.01)
asyncio.run(main())
""",
    "aio loop left": """
import asyncio, sys, emam
loop = asyncio.new_event_loop()
lib = loop.run_until_complete(emam.aio.open(sys.argv[1]))
tasks = [loop.create_task(lib.events.last()) for _ in range(20)]
loop.run_until_complete(asyncio.wait(tasks, return_when="FIRST_COMPLETED"))
loop.run_until_complete(asyncio.gather(*tasks))
loop.close()
""",
}


@pytest.mark.timeout(60 + STRESS * 5)
@pytest.mark.parametrize("way", EXITS)
def test_every_exit_is_silent(way: str, tmp_path: Path, clip: Path) -> None:
    share = max(1, STRESS // len(EXITS))
    folders = [tmp_path / str(number) for number in range(share)]
    for pair in range(0, share, 2):
        children = [start(EXITS[way], folder, clip) for folder in folders[pair : pair + 2]]
        for child in children:
            assert end(child) == (0, "", "")


def test_the_command_line_is_there(tmp_path: Path, clip: Path) -> None:
    def emam(*arguments: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "emam", "--library", str(tmp_path / "l")]
        return subprocess.run(
            [*command, *map(str, arguments)], capture_output=True, text=True, timeout=60
        )

    assert "ingest" in emam("--help").stdout
    assert emam("ingest", clip).returncode == 0
    found = emam("search", "--json")
    assert found.returncode == 0 and '"kind":"video"' in found.stdout
    assert emam("ingest", tmp_path / "missing.mov").returncode == 1
    assert emam("no-such-command").returncode == 2

"""Holds a running gateway to its own OpenAPI document.

    fuzz.py URL [--token TOKEN] [--examples N] [--seed N]

The document must be valid OpenAPI 3.1. Then schemathesis makes up requests, right ones and wrong
ones, and every answer must be one the document tells of: no 5xx, no status, type, header or body
that is not in it, and no wrong request that is taken. Ends with 0 where all of that held.

It starts nothing: serve an empty library that may be spoilt, for example with `gateway_child`.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import urllib.request
from typing import Any

CHECKS = [
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "unsupported_method",
    "allow_header_conformance",
    "ignored_auth",
]

# What a wrong request may be answered with, beside what schemathesis expects: tus has its own.
CONFIGURATION = """
[checks]
negative_data_rejection.expected-statuses = [
    400, 401, 403, 404, 405, 408, 409, 410, 412, 413, 415, 416, 421, 422, 423, 429, 460,
]
"""

# They have no end: the tests of streams read them.
STREAMS = ["/v1/events", "/v1/runs/{id}/events"]

# Operations that read or write files of the machine: a made-up path must lead nowhere.
PATHS = {"path", "paths"}


def register_hooks() -> None:
    """Registers what schemathesis asks this module for, where it was named in SCHEMATHESIS_HOOKS."""
    import schemathesis

    @schemathesis.serializer("application/offset+octet-stream")
    def chunk(context: Any, value: Any) -> bytes:  # noqa: ARG001
        return value if isinstance(value, bytes) else json.dumps(value).encode()

    @schemathesis.hook
    def filter_body(context: Any, body: Any) -> bool:  # noqa: ARG001
        return not leads_out(body)

    @schemathesis.hook
    def filter_case(context: Any, case: Any) -> bool:  # noqa: ARG001
        return not leads_out(getattr(case, "body", None))


def leads_out(body: Any) -> bool:
    """Whether a body names a file or folder outside of the empty folder the gateway works in."""
    if not isinstance(body, dict):
        return False
    for name in PATHS & body.keys():
        given = body[name] if isinstance(body[name], list) else [body[name]]
        for path in given:
            if isinstance(path, str) and (path.startswith("/") or ".." in path or path in ("", ".")):
                return True
    return False


def read(url: str, token: str | None) -> dict[str, Any]:
    request = urllib.request.Request(url)
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=10) as response:
        document: dict[str, Any] = json.load(response)
    return document


def validate(document: dict[str, Any]) -> None:
    import openapi_spec_validator

    openapi_spec_validator.validate(document)
    assert document["openapi"].startswith("3.1"), document["openapi"]
    count = sum(len(methods) for methods in document["paths"].values())
    print(f"the document is valid OpenAPI {document['openapi']}: {count} operations")


def fuzz(url: str, token: str | None, examples: int, seed: int) -> int:
    command = [sys.executable, "-m", "schemathesis.cli", "run", f"{url}/v1/openapi.json"]
    command += ["--url", url, "--checks", ",".join(CHECKS), "--max-examples", str(examples)]
    command += ["--seed", str(seed), "--request-timeout", "20", "--suppress-health-check", "all"]
    command += ["--continue-on-failure", "--warnings", "off", "--output-truncate", "true"]
    for path in STREAMS:
        command += ["--exclude-path", path]
    if token:
        command += ["--header", f"Authorization: Bearer {token}"]
    here = os.path.dirname(os.path.abspath(__file__))
    variables = {**os.environ, "SCHEMATHESIS_HOOKS": "fuzz", "PYTHONPATH": here, "NO_PROXY": "*"}
    # It leaves reports and a database of examples where it runs.
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "schemathesis.toml"), "w", encoding="utf-8") as file:
            file.write(CONFIGURATION)
        return subprocess.run(command, env=variables, cwd=folder, check=False).returncode


def main() -> int:
    parser = argparse.ArgumentParser(description="Holds a gateway to its OpenAPI document.")
    parser.add_argument("url", help="where the gateway is, as http://127.0.0.1:4700")
    parser.add_argument("--token", help="the bearer token it asks for")
    parser.add_argument("--examples", type=int, default=20, help="requests of each operation")
    parser.add_argument("--seed", type=int, default=1, help="another seed, other requests")
    arguments = parser.parse_args()
    url = arguments.url.rstrip("/")
    validate(read(f"{url}/v1/openapi.json", arguments.token))
    return fuzz(url, arguments.token, arguments.examples, arguments.seed)


if __name__ == "__main__":
    sys.exit(main())
else:
    register_hooks()

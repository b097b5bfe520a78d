"""The base of all errors, and how an error of the library becomes one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


class EmamError(Exception):
    """An error of the library. Its class says its kind; `str()` is one sentence with its facts."""

    kind: str = "unexpected"
    """What went wrong: the name of the kind in every language."""
    operation: str
    """Where, as `noun.verb`."""
    message: str
    """One sentence for people, without the facts."""
    retryable: bool
    """Whether doing the same again can succeed."""
    retry_after: float | None
    """How long to wait before trying again, in seconds, where that is known."""
    context: dict[str, str]
    """The facts: which file, which id, which limit."""
    causes: list[str]
    """The causes, outermost first."""

    def __init__(self, info: Mapping[str, Any] | str = "") -> None:
        if isinstance(info, str):
            info = {"message": info}
        self.kind = info.get("kind", self.kind)
        self.operation = info.get("operation", "")
        self.message = info.get("message", "")
        self.retryable = info.get("retryable", False)
        wait = info.get("retry_after_ms")
        self.retry_after = None if wait is None else wait / 1000
        self.context = dict(info.get("context", ()))
        self.causes = list(info.get("causes", ()))
        self._info = dict(info)
        super().__init__(self.message)

    def __str__(self) -> str:
        facts = ", ".join(f"{name}: {value}" for name, value in self.context.items())
        where = f"{self.operation}: " if self.operation else ""
        return f"{where}{self.message}{f' ({facts})' if facts else ''}"

    def __reduce__(self) -> tuple[type[EmamError], tuple[dict[str, Any]]]:
        return type(self), (self._info,)

    def report(self) -> str:
        """The error with its facts and causes, on several lines: for logs."""
        lines = [f"{self.kind} in {self.operation}: {self.message}"]
        lines += [f"  {name}: {value}" for name, value in self.context.items()]
        lines += [f"  caused by: {cause}" for cause in self.causes]
        return "\n".join(lines)


kinds: dict[str, type[EmamError]] = {}


def from_info(info: Mapping[str, Any]) -> EmamError:
    """The error that a record `ErrorInfo`, as plain data, tells of."""
    return kinds.get(info["kind"], EmamError)(info)


def from_json(info: str) -> EmamError:
    """The error that a record `ErrorInfo`, as JSON, tells of."""
    return from_info(json.loads(info))

"""How parameters become JSON and JSON becomes records. Nothing is checked here: the library does."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping, Set
from datetime import date
from enum import Enum
from functools import cache
from typing import Any, TypeVar

import msgspec
from msgspec import UNSET

T = TypeVar("T")

__all__ = ["UNSET", "decode", "encode", "given", "milliseconds"]


def given(**params: object) -> dict[str, object]:
    """The parameters that were given; what was not is not sent."""
    return {name: value for name, value in params.items() if value is not UNSET}


def _plain(value: object) -> object:
    if isinstance(value, os.PathLike):
        return os.fsdecode(value)
    if isinstance(value, msgspec.Struct):
        return msgspec.to_builtins(value)
    if isinstance(value, date):  # and so a datetime
        return value.isoformat()
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Set):
        return list(value)
    if isinstance(value, Mapping):
        return dict(value)
    if type(value).__name__ in ("UUID", "Fraction"):
        return str(value)
    raise TypeError(f"a {type(value).__name__} cannot be given to the library")


# NaN, infinity, lone surrogates and integers of any size go out as they are: the library names
# what is wrong with them.
encode = json.JSONEncoder(default=_plain, separators=(",", ":")).encode


@cache
def _decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind)


def decode(kind: type[T], text: bytes) -> T:
    """The typed record in a text of JSON."""
    result: T = _decoder(kind).decode(text)
    return result


def milliseconds(seconds: float | None) -> object:
    """Seconds as the whole milliseconds the library counts in."""
    if isinstance(seconds, (int, float)) and math.isfinite(seconds):
        return int(seconds * 1000)
    return seconds

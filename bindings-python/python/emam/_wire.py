"""How parameters become JSON and JSON becomes records. What is wrong with them the library says."""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Mapping, Sequence, Set
from datetime import date
from enum import Enum
from functools import cache
from typing import Any, Protocol, TypeAlias, TypeVar, cast

import msgspec
from msgspec import UNSET

T = TypeVar("T")
Item_co = TypeVar("Item_co", covariant=True)

# Plain JSON data, where a type is wanted.
ANY: type[Any] = cast("type[Any]", Any)

StrPath: TypeAlias = "str | os.PathLike[str]"


class Page(Protocol[Item_co]):
    """A page of items, with the cursor of the next one."""

    @property
    def items(self) -> Sequence[Item_co]: ...
    @property
    def next(self) -> str | None: ...


def given(params: dict[str, object]) -> dict[str, object]:
    """The parameters that were given; what was not is not sent."""
    return {name: value for name, value in params.items() if value is not UNSET}


def here(params: dict[str, object]) -> dict[str, object]:
    """The same, with what only Python knows: where its packages are, one of which may be ffmpeg."""
    return {"packages": [folder for folder in sys.path if folder.isprintable()], **params}


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
    decoder: msgspec.json.Decoder[T] = _decoder(kind)  # type: ignore[arg-type]
    return decoder.decode(text)


def milliseconds(seconds: float | None) -> object:
    """Seconds as the whole milliseconds the library counts in."""
    if isinstance(seconds, (int, float)) and math.isfinite(seconds):
        return int(seconds * 1000)
    return seconds

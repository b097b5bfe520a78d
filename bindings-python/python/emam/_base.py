"""What clients that block and clients that are awaited hold alike: only how they call differs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Generic, TypeVar, overload

from ._wire import Page
from .records import Refused, Started

# What calls operations, in its way.
C = TypeVar("C")
# A page.
P = TypeVar("P", bound=Page[Any])
# A run in the hand.
R = TypeVar("R")
# What a run results in.
T = TypeVar("T")


class BaseNoun(Generic[C]):
    """The operations about one noun."""

    __slots__ = ("_caller",)

    def __init__(self, caller: C) -> None:
        self._caller = caller


class BasePages(Generic[C, P]):
    """A question whose answer comes in pages."""

    __slots__ = ("_caller", "_kind", "_operation", "_page", "_params")

    def __init__(
        self,
        caller: C,
        operation: str,
        params: dict[str, Any],
        kind: type[P],
        page: str | None,
    ) -> None:
        self._caller = caller
        self._operation = operation
        self._params = params
        self._kind = kind
        self._page = page

    def __repr__(self) -> str:
        return f"Pages({self._operation!r})"


class BaseRunHandle(Generic[C, T]):
    """Which run it is, and what it results in."""

    __slots__ = ("_caller", "_cancelled", "_outcome", "asset", "id")

    id: str
    """The id of the run."""
    asset: str | None
    """The id of the asset it is about, where it is about one; of an ingest, the new one."""

    def __init__(self, caller: C, started: Started, outcome: type[T]) -> None:
        self._caller = caller
        self._outcome = outcome
        self._cancelled = False
        self.id = started.run
        self.asset = started.asset

    def __repr__(self) -> str:
        return f"RunHandle({self.id!r}, asset={self.asset!r})"


class BaseRunHandles(Sequence[R]):
    """Runs that were started, in the order of what was asked for."""

    __slots__ = ("_runs", "refused")

    refused: list[Refused]
    """What was not taken, and why."""

    def __init__(self, runs: list[R], refused: list[Refused]) -> None:
        self._runs = runs
        self.refused = refused

    @overload
    def __getitem__(self, index: int) -> R: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[R]: ...
    def __getitem__(self, index: int | slice) -> R | Sequence[R]:
        return self._runs[index]

    def __len__(self) -> int:
        return len(self._runs)

    def __repr__(self) -> str:
        return f"RunHandles({self._runs!r}, refused={self.refused!r})"

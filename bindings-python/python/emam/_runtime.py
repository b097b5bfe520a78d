"""What every generated method stands on: calls, pages, runs and events that block."""

from __future__ import annotations

import atexit
import sys
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from importlib import import_module
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from . import _native
from ._base import BaseNoun, BasePages, BaseRunHandle, BaseRunHandles
from ._wire import ANY, Page, decode, encode, milliseconds
from .errors import EmamError
from .records import Event, Progress, Run, RunProgress, Started, StartedMany

if TYPE_CHECKING:
    from typing_extensions import Self

T = TypeVar("T")
P = TypeVar("P", bound=Page[Any])

# How long one question for events waits for an answer; then it is asked again.
EVENTS_WAIT_MS = 30_000
# How long leaving a run by an exception waits for it to stop.
STOP_WAIT_MS = 5_000

_open: weakref.WeakSet[Any] = weakref.WeakSet()


@atexit.register
def _end() -> None:
    _native.shutdown([library._native for library in list(_open)])


class Caller:
    """Calls operations and waits for their results."""

    __slots__ = ("_native",)

    def __init__(self, native: _native.Library) -> None:
        self._native = native

    def done(self, operation: str, params: Mapping[str, object]) -> None:
        self._native.call(operation, encode(params))

    def value(self, operation: str, params: Mapping[str, object], kind: type[T]) -> T:
        return decode(kind, self._native.call(operation, encode(params)))

    def run(self, operation: str, params: Mapping[str, object], outcome: type[T]) -> RunHandle[T]:
        return RunHandle(self, self.value(operation, params, Started), outcome)

    def runs(self, operation: str, params: Mapping[str, object], outcome: type[T]) -> RunHandles[T]:
        started = self.value(operation, params, StartedMany)
        runs = [RunHandle(self, each, outcome) for each in started.runs]
        return RunHandles(runs, started.refused)


class Noun(BaseNoun[Caller]):
    """The operations about one noun."""

    __slots__ = ()


class BaseLibrary:
    """What a library has besides its nouns."""

    def __init__(self, native: _native.Library, folder: str) -> None:
        self._native = native
        self._folder = folder
        self._caller = Caller(native)
        _open.add(self)

    def call(self, operation: str, /, **params: object) -> Any:
        """Does an operation by its name, as the reference lists them, and gives plain JSON data.

        Raises:
            EmamError: what the operation gives.
        """
        return self._caller.value(operation, params, ANY)

    def close(self) -> None:
        """Lets go of all work under way and waits for that; runs go on when it is opened again.

        Closing again does nothing. A library that is not closed is closed when Python ends.
        """
        self._native.close()
        _open.discard(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Library({self._folder!r})"


class Pages(BasePages[Caller, P], Generic[T, P]):
    """What was found, asked for page by page as it is gone through.

    Iterating gives the items of all pages. Each iteration asks anew.
    """

    __slots__ = ()

    def first(self) -> P:
        """The first page, with what it says of all of them."""
        return self._caller.value(self._operation, self._params, self._kind)

    def pages(self) -> Iterator[P]:
        """Page by page."""
        params = self._params
        while True:
            page = self._caller.value(self._operation, params, self._kind)
            yield page
            if page.next is None:
                return
            params = turned(params, self._page, page.next)

    def __iter__(self) -> Iterator[T]:
        for page in self.pages():
            yield from page.items


def turned(params: dict[str, Any], page: str | None, cursor: str) -> dict[str, Any]:
    """The same question for the page a cursor points to."""
    if page is None:
        return {**params, "cursor": cursor}
    return {**params, page: {**params.get(page, {}), "cursor": cursor}}


class RunHandle(BaseRunHandle[Caller, T]):
    """A run in the hand: wait for it, watch it, stop it. Letting go of it changes nothing.

    As a context manager it waits for the run at the end of the block and raises what it failed
    with; a block that is left by an exception cancels the run.
    """

    __slots__ = ()

    def result(self, timeout: float | None = None) -> T:
        """Waits until the run has succeeded and gives its result.

        Args:
            timeout: how long to wait at most, in seconds; until it has ended when None.

        Raises:
            Timeout: when the time is over; the run goes on.
            Cancelled: where the run was cancelled.
            EmamError: the error the run was given up for.
        """
        params = {"id": self.id, "timeout_ms": milliseconds(timeout)}
        return self._caller.value("runs.join", params, self._outcome)

    def progress(self) -> Iterator[Progress]:
        """News of its progress, as it comes; ends when the run has ended, one way or the other."""
        seen: Progress | None = None
        while True:
            params: dict[str, object] = {"id": self.id, "seen": seen}
            news = self._caller.value("runs.progress", params, RunProgress)
            if news.progress is not None:
                seen = news.progress
                yield seen
            if news.ended:
                return

    def cancel(self) -> Run:
        """Asks the run to stop; it is stopped soon.

        Raises:
            Conflict: where it has ended.
        """
        run = self._caller.value("runs.cancel", {"id": self.id}, Run)
        self._cancelled = True
        return run

    def show(self) -> T:
        """Draws the progress in a terminal or notebook, with tqdm where it is installed.

        Gives the result and raises as `result` does.
        """
        with progress_bar(self.id) as draw:
            for progress in self.progress():
                draw(progress)
            return self.result()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        if kind is None and not self._cancelled:
            self.result()
            return
        with suppress(EmamError):
            if not self._cancelled:
                self.cancel()
            self._caller.done("runs.wait", {"id": self.id, "timeout_ms": STOP_WAIT_MS})


class RunHandles(BaseRunHandles[RunHandle[T]]):
    """Runs that were started, in the order of what was asked for."""

    __slots__ = ()


class RunsExtra(Noun):
    """What runs have besides their operations."""

    __slots__ = ()

    def handle(self, id: str) -> RunHandle[Any]:
        """Takes a run in the hand, to watch it and wait for its result, which is plain JSON data.

        Raises:
            NotFound: where there is no such run.
        """
        run = self._caller.value("runs.get", {"id": id}, Run)
        started = Started(run=run.id, asset=run.asset)
        return RunHandle(self._caller, started, ANY)


class EventsExtra(Noun):
    """What events have besides their operations."""

    __slots__ = ()

    def follow(self, after: int = 0) -> Iterator[Event]:
        """Follows the log, through what is there and what comes; it does not end by itself.

        Keep the `seq` of the last event handled: following from there misses nothing.

        Args:
            after: the number of the event before the first one wanted.
        """
        while True:
            params = {"after": after, "wait_ms": EVENTS_WAIT_MS}
            for event in self._caller.value("events.list", params, list[Event]):
                yield event
                after = event.seq


class progress_bar:
    """Draws progress: a bar by tqdm where it is installed, else a line for each step."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._bar: Any = None
        self._step = ""

    def __enter__(self) -> Callable[[Progress], None]:
        with suppress(ImportError):
            tqdm = import_module("tqdm.auto").tqdm
            layout = "{desc:<12} {percentage:3.0f}%|{bar}| {elapsed}"
            self._bar = tqdm(total=1.0, bar_format=layout)
        return self._draw

    def _draw(self, progress: Progress) -> None:
        if self._bar is not None:
            self._bar.set_description_str(progress.step, refresh=False)
            self._bar.n = progress.fraction
            self._bar.refresh()
        elif progress.step != self._step:
            print(f"{self._name} {progress.step}", file=sys.stderr)
        self._step = progress.step

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()

"""What every generated method stands on: calls, pages, runs and events that are awaited."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from .. import _native
from .._base import BaseNoun, BasePages, BaseRunHandle, BaseRunHandles
from .._runtime import EVENTS_WAIT_MS, STOP_WAIT_MS, _open, progress_bar, turned
from .._wire import ANY, Page, decode, encode, milliseconds
from ..errors import EmamError
from ..records import Event, Progress, Run, RunProgress, Started, StartedMany

if TYPE_CHECKING:
    from typing_extensions import Self

T = TypeVar("T")
P = TypeVar("P", bound=Page[Any])


class Caller:
    """Calls operations and awaits their results."""

    __slots__ = ("_native",)

    def __init__(self, native: _native.Library) -> None:
        self._native = native

    async def done(self, operation: str, params: Mapping[str, object]) -> None:
        await self._native.call_async(operation, encode(params))

    async def value(self, operation: str, params: Mapping[str, object], kind: type[T]) -> T:
        return decode(kind, await self._native.call_async(operation, encode(params)))

    async def run(
        self, operation: str, params: Mapping[str, object], outcome: type[T]
    ) -> RunHandle[T]:
        return RunHandle(self, await self.value(operation, params, Started), outcome)

    async def runs(
        self, operation: str, params: Mapping[str, object], outcome: type[T]
    ) -> RunHandles[T]:
        started = await self.value(operation, params, StartedMany)
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

    async def call(self, operation: str, /, **params: object) -> Any:
        """Does an operation by its name, as the reference lists them, and gives plain JSON data.

        Raises:
            EmamError: what the operation gives.
        """
        return await self._caller.value(operation, params, ANY)

    async def close(self) -> None:
        """Lets go of all work under way and waits for that; runs go on when it is opened again.

        Closing again does nothing. A library that is not closed is closed when Python ends.
        """
        await self._native.close_async()
        _open.discard(self)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"Library({self._folder!r})"


class Pages(BasePages[Caller, P], Generic[T, P]):
    """What was found, asked for page by page as it is gone through.

    Iterating (`async for`) gives the items of all pages. Each iteration asks anew.
    """

    __slots__ = ()

    async def first(self) -> P:
        """The first page, with what it says of all of them."""
        return await self._caller.value(self._operation, self._params, self._kind)

    async def pages(self) -> AsyncIterator[P]:
        """Page by page."""
        params = self._params
        while True:
            page = await self._caller.value(self._operation, params, self._kind)
            yield page
            if page.next is None:
                return
            params = turned(params, self._page, page.next)

    async def __aiter__(self) -> AsyncIterator[T]:
        async for page in self.pages():
            for item in page.items:
                yield item


class RunHandle(BaseRunHandle[Caller, T]):
    """A run in the hand: wait for it, watch it, stop it. Letting go of it changes nothing.

    As an async context manager it waits for the run at the end of the block and raises what it
    failed with; a block that is left by an exception cancels the run.
    """

    __slots__ = ()

    async def result(self, timeout: float | None = None) -> T:
        """Waits until the run has succeeded and gives its result.

        Args:
            timeout: how long to wait at most, in seconds; until it has ended when None.

        Raises:
            Timeout: when the time is over; the run goes on.
            Cancelled: where the run was cancelled.
            EmamError: the error the run was given up for.
        """
        params = {"id": self.id, "timeout_ms": milliseconds(timeout)}
        return await self._caller.value("runs.join", params, self._outcome)

    async def progress(self) -> AsyncIterator[Progress]:
        """News of its progress, as it comes; ends when the run has ended, one way or the other."""
        seen: Progress | None = None
        while True:
            params: dict[str, object] = {"id": self.id, "seen": seen}
            news = await self._caller.value("runs.progress", params, RunProgress)
            if news.progress is not None:
                seen = news.progress
                yield seen
            if news.ended:
                return

    async def cancel(self) -> Run:
        """Asks the run to stop; it is stopped soon.

        Raises:
            Conflict: where it has ended.
        """
        run = await self._caller.value("runs.cancel", {"id": self.id}, Run)
        self._cancelled = True
        return run

    async def show(self) -> T:
        """Draws the progress in a terminal or notebook, with tqdm where it is installed.

        Gives the result and raises as `result` does.
        """
        with progress_bar(self.id) as draw:
            async for progress in self.progress():
                draw(progress)
            return await self.result()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        if kind is None and not self._cancelled:
            await self.result()
            return
        with suppress(EmamError):
            if not self._cancelled:
                await self.cancel()
            await self._caller.done("runs.wait", {"id": self.id, "timeout_ms": STOP_WAIT_MS})


class RunHandles(BaseRunHandles[RunHandle[T]]):
    """Runs that were started, in the order of what was asked for."""

    __slots__ = ()


class RunsExtra(Noun):
    """What runs have besides their operations."""

    __slots__ = ()

    async def handle(self, id: str) -> RunHandle[Any]:
        """Takes a run in the hand, to watch it and wait for its result, which is plain JSON data.

        Raises:
            NotFound: where there is no such run.
        """
        run = await self._caller.value("runs.get", {"id": id}, Run)
        started = Started(run=run.id, asset=run.asset)
        return RunHandle(self._caller, started, ANY)


class EventsExtra(Noun):
    """What events have besides their operations."""

    __slots__ = ()

    async def follow(self, after: int = 0) -> AsyncIterator[Event]:
        """Follows the log, through what is there and what comes; it does not end by itself.

        Keep the `seq` of the last event handled: following from there misses nothing.

        Args:
            after: the number of the event before the first one wanted.
        """
        while True:
            params = {"after": after, "wait_ms": EVENTS_WAIT_MS}
            for event in await self._caller.value("events.list", params, list[Event]):
                yield event
                after = event.seq

"""The same with await: real coroutines, many at once, that cancel."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path

import emam
import pytest
from emam import aio, errors


@pytest.fixture
async def alib(tmp_path: Path) -> AsyncIterator[aio.Library]:
    async with await aio.open(tmp_path / "library") as library:
        yield library


async def test_every_shape(alib: aio.Library, clip: Path) -> None:
    project = await alib.projects.create("Promo")
    assert await alib.projects.get(project.id) == project
    for number in range(4):
        await alib.projects.create(f"P{number}")
    assert [each.name async for each in alib.projects.list(limit=2)][-1] == "Promo"
    assert [len(page.items) async for page in alib.projects.list(limit=2).pages()] == [2, 2, 1]
    run = await alib.assets.ingest(clip)
    steps = [progress.step async for progress in run.progress()]
    assert steps and (await run.result()).kind == "video"
    (again, *rest) = await alib.assets.ingest_all([clip])
    assert not rest and (await again.result()).id == run.asset
    assert await (await alib.runs.handle(run.id)).result(timeout=1)
    assert (await alib.call("events.last"))["seq"] > 0
    assert repr(alib).startswith("Library(") and "projects.list" in repr(alib.projects.list())
    with pytest.raises(errors.NotFound):
        await alib.assets.get(project.id)


async def test_blocks_wait_and_cancel(alib: aio.Library, clip: Path, long_clip: Path) -> None:
    async with await alib.assets.ingest(clip) as run:
        pass
    assert (await alib.runs.get(run.id)).state == "succeeded"
    with pytest.raises(KeyError):
        async with await alib.assets.ingest(long_clip) as run:
            raise KeyError
    assert (await alib.runs.get(run.id)).state == "cancelled"


async def test_two_hundred_at_once(alib: aio.Library) -> None:
    project = await alib.projects.create("Promo")
    got = await asyncio.gather(*(alib.projects.get(project.id) for _ in range(200)))
    assert got == [project] * 200
    task = asyncio.create_task(alib.projects.get(project.id))
    assert await task == project


async def test_a_cancelled_await_ends_at_once_and_harms_nothing(alib: aio.Library) -> None:
    last = (await alib.events.last()).seq
    waiting = asyncio.create_task(alib.events.list(after=last, wait_ms=60_000))
    await asyncio.sleep(0.05)
    begun = time.monotonic()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert time.monotonic() - begun < 1
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(alib.events.list(after=last, wait_ms=60_000), 0.05)
    assert (await alib.events.last()).seq == last


async def test_events_are_followed(alib: aio.Library) -> None:
    seen: list[str] = []

    async def follow() -> None:
        async for event in alib.events.follow():
            if event.topic != "project.created":
                continue
            seen.append(event.subject)
            if len(seen) == 3:
                return

    following = asyncio.create_task(follow())
    made = [(await alib.projects.create(name)).id for name in "abc"]
    await asyncio.wait_for(following, 10)
    assert seen == made


async def test_closing_ends_what_waits(tmp_path: Path) -> None:
    library = await aio.open(tmp_path / "library")
    waiting = asyncio.create_task(library.events.list(wait_ms=60_000))
    await asyncio.sleep(0.05)
    await library.close()
    await library.close()
    with pytest.raises(errors.Conflict):
        await asyncio.wait_for(waiting, 10)
    with pytest.raises(errors.Conflict, match="closed"):
        await library.events.last()


def test_loops_come_and_go(tmp_path: Path) -> None:
    async def one(name: str) -> str:
        async with await aio.open(tmp_path / name) as library:
            return (await library.projects.create(name)).name

    assert [asyncio.run(one(name)) for name in "abc"] == ["a", "b", "c"]
    names: list[str] = []
    threads = [
        threading.Thread(target=lambda name=name: names.append(asyncio.run(one(name))))
        for name in "defg"
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(names) == ["d", "e", "f", "g"]


def test_both_styles_have_the_same_methods(tmp_path: Path) -> None:
    def methods(library: object) -> set[str]:
        nouns = [name for name in vars(library) if not name.startswith("_")]
        return {
            f"{noun}.{verb}"
            for noun in nouns
            for verb in dir(getattr(library, noun))
            if not verb.startswith("_")
        }

    async def awaited() -> set[str]:
        async with await aio.open(tmp_path / "library") as library:
            return methods(library)

    with emam.open(tmp_path / "library") as library:
        blocking = methods(library)
    assert asyncio.run(awaited()) == blocking and "runs.handle" in blocking

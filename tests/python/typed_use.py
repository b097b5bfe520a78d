"""A program as users write it, which mypy has to understand to the last type."""

from __future__ import annotations

from pathlib import Path

import emam
from emam import aio
from typing_extensions import assert_type


def blocking(folder: Path) -> None:
    with emam.open(folder, workers=2) as lib:
        assert_type(lib, emam.Library)
        run = lib.assets.ingest(folder / "a.mov", tags=["rain"])
        assert_type(run.result(timeout=2.5), emam.Asset)
        for progress in run.progress():
            assert_type(progress.fraction, float)
        for hit in lib.assets.search("rain", kinds=["video"]):
            assert_type(hit.asset.kind, emam.AssetKind)
        assert_type(lib.assets.search().first(), emam.SearchPage)
        assert_type([run.result() for run in lib.assets.ingest_all(["a"])], list[emam.Asset])
        assert_type(lib.bins.list("id"), list[emam.Bin])
        for event in lib.events.follow():
            assert_type(event, emam.Event)
        try:
            lib.assets.get("id")
        except emam.errors.NotFound as error:
            assert_type(error.retry_after, float | None)


async def awaited(folder: Path) -> None:
    async with await aio.open(folder) as lib:
        run = await lib.assets.ingest("a.mov")
        assert_type(await run.result(), emam.Asset)
        async for hit in lib.assets.search("rain"):
            assert_type(hit, emam.Hit)
        assert_type(await lib.bins.list("id"), list[emam.Bin])

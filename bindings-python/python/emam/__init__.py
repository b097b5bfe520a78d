"""emam: a media asset management engine as a library.

    import emam

    with emam.open("media") as lib:
        asset = lib.assets.ingest("A001.mov", tags=["rain"]).result()
        for hit in lib.assets.search("rain", kinds=["video"]):
            print(hit.asset.title)

`emam.aio` has the same with `await`; `emam.records` the records, `emam.errors` the errors.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import errors, records
from ._client import Library, open
from ._native import __version__
from ._runtime import Pages, RunHandle, RunHandles
from .errors import EmamError
from .records import *  # noqa: F403

if TYPE_CHECKING:
    from . import aio

__all__ = [
    "EmamError",
    "Library",
    "Pages",
    "RunHandle",
    "RunHandles",
    "__version__",
    "aio",
    "errors",
    "open",
    "records",
]
__all__ += records.__all__


def __getattr__(name: str) -> Any:
    # asyncio takes longer to import than all the rest, and most scripts do without it.
    if name == "aio":
        import importlib

        return importlib.import_module("emam.aio")
    raise AttributeError(f"module 'emam' has no attribute {name!r}")

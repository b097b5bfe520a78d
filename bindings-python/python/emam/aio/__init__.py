"""The same library with `await`: `lib = await emam.aio.open("media")`.

Methods that give a value or start a run are awaited; what is found is gone through with
`async for`. Cancelling a task drops the call it waits in; a run that was started goes on.
"""

from ._client import Library, open
from ._runtime import Pages, RunHandle, RunHandles

__all__ = ["Library", "Pages", "RunHandle", "RunHandles", "open"]

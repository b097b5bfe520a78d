"""What calls cost in Python: `measure.py LIBRARY ASSET EVENTS`."""

import asyncio
import json
import sys
import time

import emam
import emam.aio

library, asset, events = sys.argv[1:]


def least(work, rounds, times=1):
    """Seconds of one time, in the best round."""
    best = float("inf")
    for _ in range(rounds):
        begun = time.perf_counter()
        for _ in range(times):
            work()
        best = min(best, (time.perf_counter() - begun) / times)
    return best


def memory():
    with open("/proc/self/status") as status:
        line = next(line for line in status if line.startswith("VmRSS"))
    return int(line.split()[1]) * 1024 / 1e6


def follow(lib, count):
    """Goes through so many events and tells how far memory grew after the first tenth."""
    begun, base, last = time.perf_counter(), 0.0, 0
    for number, event in enumerate(lib.events.follow(after=0), 1):
        assert event.seq > last
        last = event.seq
        if number == count // 10:
            base = memory()
        if number == count:
            return {"events_s": time.perf_counter() - begun, "events_growth_mb": memory() - base}


async def aio():
    lib = await emam.aio.open(library)
    best = float("inf")
    for _ in range(5):
        begun = time.perf_counter()
        for _ in range(1000):
            await lib.assets.get(asset)
        best = min(best, (time.perf_counter() - begun) / 1000)
    await lib.close()
    return {"get_us": best * 1e6}


lib = emam.open(library)
told = {
    "get_us": least(lambda: lib.assets.get(asset), 5, 2000) * 1e6,
    "page_ms": least(lambda: lib.projects.list(limit=1000).first(), 50) * 1e3,
    **follow(lib, int(events)),
}
lib.close()
told["aio"] = asyncio.run(aio())
print(json.dumps(told))

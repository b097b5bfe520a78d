"""What OpenTimelineIO and its adapters take for timelines; used by `bench timeline`.

usage: measure.py make FILE.otio CLIPS | read FILE | write FILE.otio OUT

`make` writes a cut of CLIPS clips from 500 assets on one video track at 25 frames a second. All
print seconds of CPU of the operation alone, the most memory the process held in KiB and how many
clips there were, as JSON.
"""

import json
import resource
import sys
import time

import opentimelineio as otio
from opentimelineio.opentime import RationalTime, TimeRange

RATE = 25.0
ASSETS = 500


def span(start, duration):
    return TimeRange(RationalTime(start, RATE), RationalTime(duration, RATE))


def cut(clips):
    timeline = otio.schema.Timeline("bench")
    timeline.global_start_time = RationalTime(90000, RATE)
    track = otio.schema.Track("V1", kind="Video")
    timeline.tracks.append(track)
    for number in range(clips):
        asset = number % ASSETS
        media = otio.schema.ExternalReference(
            target_url=f"file:///media/A{asset:03}.mov", available_range=span(90000, 100000)
        )
        media.name = f"A{asset:03}.mov"
        track.append(
            otio.schema.Clip(
                name=f"A{asset:03} take {number}",
                media_reference=media,
                # No two alike, so that nobody can write one for the other.
                source_range=span(90000 + (number * 37) % 90000, 20 + number % 60),
                metadata={"cmx_3600": {"reel": f"A{asset:03}"}},
            )
        )
    return timeline


def read(path):
    arguments = {"rate": RATE} if path.endswith(".edl") else {}
    found = otio.adapters.read_from_file(path, **arguments)
    if isinstance(found, otio.schema.SerializableCollection):
        found = next(child for child in found if isinstance(child, otio.schema.Timeline))
    return found


def write(timeline, path):
    arguments = {"rate": RATE} if path.endswith(".edl") else {}
    otio.adapters.write_to_file(timeline, path, **arguments)


match sys.argv[1:]:
    case ["make", path, clips]:
        timeline = cut(int(clips))
        begun = time.process_time()
        write(timeline, path)
    case ["read", path]:
        begun = time.process_time()
        timeline = read(path)
    case ["write", path, out]:
        timeline = read(path)
        begun = time.process_time()
        write(timeline, out)
    case _:
        sys.exit(__doc__)
cpu = time.process_time() - begun
count = sum(1 for _ in timeline.find_clips())
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps({"cpu": cpu, "peak_kib": peak, "clips": count}))

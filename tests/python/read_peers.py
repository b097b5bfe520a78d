"""Reads timeline files with OpenTimelineIO and its adapters, and EDLs with pycmx too.

usage: read_peers.py FILE RATE ...

RATE is the sequence's, as 25 or 30000/1001. Prints a JSON list with, for each file, what each
reader found: [track, name, start, duration] of every clip on a video track, in frames.
"""

import json
import sys
from fractions import Fraction

import opentimelineio as otio
import pycmx


def through_otio(path, rate):
    arguments = {}
    if path.endswith(".edl"):
        arguments = {"rate": float(rate), "ignore_timecode_mismatch": True}
    found = otio.adapters.read_from_file(path, **arguments)
    if isinstance(found, otio.schema.SerializableCollection):
        found = next(child for child in found if isinstance(child, otio.schema.Timeline))
    tracks = [track for track in found.tracks if track.kind == "Video"]
    clips = []
    for number, track in enumerate(tracks):
        for clip in track:
            if isinstance(clip, (otio.schema.Gap, otio.schema.Transition)):
                continue
            place = track.range_of_child(clip)
            frames = [round(time.rescaled_to(float(rate)).value) for time in (place.start_time, place.duration)]
            clips.append([number, clip.name, *frames])
    return clips


def through_pycmx(path):
    with open(path, encoding="utf-8") as file:
        edl = pycmx.parse_cmx3600(file)
    edits = [edit for event in edl.events for edit in event.edits]
    return [[edit.record_in, edit.record_out, edit.source_in, edit.source_out] for edit in edits]


def read(path, rate):
    try:
        facts = {"otio": through_otio(path, Fraction(rate))}
    except Exception as error:  # It is told with the others, not instead of them.
        facts = {"otio": repr(error)}
    if path.endswith(".edl"):
        facts["pycmx"] = through_pycmx(path)
    return facts


arguments = sys.argv[1:]
print(json.dumps([read(*pair) for pair in zip(arguments[::2], arguments[1::2])]))

"""Reads .otio files with the OpenTimelineIO library and prints what it makes of them, as JSON.

usage: read_otio.py FILE...
"""

import json
import re
import sys

import opentimelineio as otio


def time(value):
    return None if value is None else [value.value, value.rate]


def span(value):
    return None if value is None else [time(value.start_time), time(value.duration)]


def reference(value):
    return {
        "schema": value.schema_name(),
        "name": value.name,
        "url": getattr(value, "target_url", None),
        "available": span(value.available_range),
    }


def child(track, value):
    facts = {"schema": value.schema_name(), "name": value.name}
    if isinstance(value, otio.schema.Transition):
        facts["type"] = value.transition_type
        facts["offsets"] = [time(value.in_offset), time(value.out_offset)]
        return facts
    facts["enabled"] = value.enabled
    facts["source"] = span(value.source_range)
    facts["in_track"] = span(track.range_of_child(value))
    if isinstance(value, otio.schema.Clip):
        facts["active"] = value.active_media_reference_key
        facts["url"] = getattr(value.media_reference, "target_url", None)
        facts["references"] = {key: reference(r) for key, r in value.media_references().items()}
        facts["reel"] = value.metadata.get("cmx_3600", {}).get("reel")
        facts["available"] = span(value.available_range()) if facts["url"] else None
    return facts


def marker(value):
    return {
        "name": value.name,
        "color": value.color,
        "comment": value.comment,
        "range": span(value.marked_range),
        "note": value.metadata.get("Resolve_OTIO", {}).get("Note"),
    }


def values(text):
    """The values of a text; OpenTimelineIO writes an infinity as `Inf`, which Python calls `Infinity`."""
    return json.loads(re.sub(r"(: -?)Inf\b", r"\1Infinity", text))


def read(path):
    timeline = otio.adapters.read_from_file(path)
    with open(path, encoding="utf-8") as file:
        ours = file.read()
    theirs = timeline.to_json_string(indent=4)
    return {
        "same_text": ours == theirs,
        "same_json": values(ours) == values(theirs),
        "name": timeline.name,
        "start": time(timeline.global_start_time),
        "duration": time(timeline.duration()),
        "markers": [marker(value) for value in timeline.tracks.markers],
        "tracks": [
            {
                "name": track.name,
                "kind": track.kind,
                "enabled": track.enabled,
                "duration": time(track.duration()),
                "children": [child(track, value) for value in track],
            }
            for track in timeline.tracks
        ],
    }


print(json.dumps([read(path) for path in sys.argv[1:]]))

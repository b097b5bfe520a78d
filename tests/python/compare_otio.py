"""Compares .otio files as the OpenTimelineIO library reads them: nothing of the first may be missing in the second.

usage: compare_otio.py FIRST SECOND [FIRST SECOND]...

Prints a line for each difference, and last how many pairs were compared.
"""

import json
import sys

import opentimelineio as otio


def plain(value):
    """A value without what emam adds."""
    return json.loads(otio.core.serialize_json_to_string(value, {}, 0))


def metadata(value):
    found = plain(dict(value.metadata)) if value.metadata else {}
    return {key: found[key] for key in found if key != "emam"}


def misses(first, second, where):
    """What the second lacks of the first; it may have more."""
    if isinstance(first, dict) and isinstance(second, dict):
        for key, value in first.items():
            if key not in second:
                yield f"{where}.{key} is gone"
            else:
                yield from misses(value, second[key], f"{where}.{key}")
    elif isinstance(first, list) and isinstance(second, list) and len(first) == len(second):
        for index, (one, other) in enumerate(zip(first, second)):
            yield from misses(one, other, f"{where}[{index}]")
    elif first != second and not (first != first and second != second):
        yield f"{where}: {first!r} is {second!r}"


def item(first, second, where):
    if first.schema_name() != second.schema_name():
        yield f"{where}: {first.schema_name()} is {second.schema_name()}"
        return
    if first.name != second.name:
        yield f"{where}: name {first.name!r} is {second.name!r}"
    yield from misses(metadata(first), metadata(second), f"{where}.metadata")
    if isinstance(first, otio.schema.Transition):
        for key in ("in_offset", "out_offset", "transition_type"):
            if getattr(first, key) != getattr(second, key):
                yield f"{where}: {key} {getattr(first, key)} is {getattr(second, key)}"
        return
    if isinstance(first, otio.core.Composable) and not isinstance(first, otio.schema.Stack):
        if first.enabled != second.enabled:
            yield f"{where}: enabled {first.enabled} is {second.enabled}"
    if isinstance(first, otio.core.Item):
        if len(first.effects) != len(second.effects):
            yield f"{where}: {len(first.effects)} effects are {len(second.effects)}"
        for one, other in zip(first.effects, second.effects):
            yield from misses(plain(one), plain(other), f"{where}.effect")
        if len(first.markers) != len(second.markers):
            yield f"{where}: {len(first.markers)} markers are {len(second.markers)}"
        for one, other in zip(first.markers, second.markers):
            yield from misses(plain(one), plain(other), f"{where}.marker")
    if isinstance(first, otio.schema.Clip):
        if first.trimmed_range() != second.trimmed_range():
            yield f"{where}: range {first.trimmed_range()} is {second.trimmed_range()}"
        references, others = first.media_references(), second.media_references()
        for key, reference in references.items():
            kind = reference.schema_name()
            if key not in others:
                yield f"{where}: media {key!r} is gone"
                continue
            before, after = plain(reference), plain(others[key])
            if kind == "MissingReference" and after["OTIO_SCHEMA"] == before["OTIO_SCHEMA"]:
                before.pop("name")
            yield from misses(before, after, f"{where}.{key}")
    if isinstance(first, otio.core.Composition):
        if len(first) != len(second):
            yield f"{where}: {len(first)} children are {len(second)}"
        for index, (one, other) in enumerate(zip(first, second)):
            yield from item(one, other, f"{where}[{index}]")
            if isinstance(first, otio.schema.Track) and isinstance(one, otio.core.Item):
                if first.range_of_child(one) != second.range_of_child(other):
                    yield f"{where}[{index}]: in track {first.range_of_child(one)} is {second.range_of_child(other)}"


paths = sys.argv[1:]
for first, second in zip(paths[::2], paths[1::2]):
    one, other = otio.adapters.read_from_file(first), otio.adapters.read_from_file(second)
    where = first.rsplit("/", 1)[-1]
    for wrong in misses(metadata(one), metadata(other), f"{where}.metadata"):
        print(wrong)
    for wrong in item(one.tracks, other.tracks, where):
        print(wrong)
print(len(paths) // 2)

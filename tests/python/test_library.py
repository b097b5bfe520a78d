"""Opening, calling, paging and closing, in one thread and in many."""

from __future__ import annotations

import copy
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from fractions import Fraction
from pathlib import Path

import emam
import msgspec
import pytest
from emam import errors


def test_open_takes_paths_and_settings_and_closes(tmp_path: Path) -> None:
    folder = tmp_path / "media"
    lib = emam.open(folder, workers=0, lanes={"transcode": 1})
    assert repr(lib) == f"Library({str(folder)!r})"
    assert (folder / "catalog.db").exists()
    lib.close()
    lib.close()  # again: nothing happens
    with pytest.raises(errors.Conflict, match="closed"):
        lib.projects.list().first()
    with emam.open(str(folder)) as again:
        assert again.call("events.last") == {"seq": 0}


def test_a_value_is_a_frozen_record(lib: emam.Library) -> None:
    project = lib.projects.create("Promo")
    assert isinstance(project, emam.Project)
    assert lib.projects.get(project.id) == project
    assert project.created_at.tzinfo is timezone.utc
    assert "name='Promo'" in repr(project)
    with pytest.raises(AttributeError):
        project.name = "other"  # type: ignore[misc]
    as_data = msgspec.to_builtins(project)
    assert as_data["name"] == "Promo" and isinstance(as_data["created_at"], str)
    assert msgspec.convert(as_data, emam.Project) == project
    assert copy.copy(project) == project


def test_a_list_and_nothing(lib: emam.Library) -> None:
    root = lib.projects.create("Promo").root_bin
    selects = lib.bins.create(root, "Selects")
    assert [each.name for each in lib.bins.list(selects.project)] == ["Promo", "Selects"]
    nothing = lib.bins.delete(selects.id)  # type: ignore[func-returns-value]
    assert nothing is None
    with pytest.raises(errors.NotFound):
        lib.bins.get(selects.id)


def test_what_is_not_given_is_not_sent_and_none_is(lib: emam.Library) -> None:
    parent = lib.categories.create("Places")
    child = lib.categories.create("Rome", parent=parent.id)
    assert child.parent == parent.id
    assert lib.categories.create("People", parent=None).parent is None
    with pytest.raises(errors.InvalidInput, match="null"):
        lib.categories.create(None)  # type: ignore[arg-type]


def test_values_of_python_become_json(lib: emam.Library) -> None:
    project = lib.projects.create("Promo")
    cut = lib.sequences.create(project.id, "Cut", Fraction(30000, 1001))
    assert cut.rate == "30000/1001"
    found = lib.assets.search(
        created_from=datetime(2020, 1, 1, tzinfo=timezone.utc),
        kinds=("video", "audio"),
        tags=frozenset(["rain"]),  # type: ignore[arg-type]
    )
    assert found.first().total == 0
    with pytest.raises(TypeError, match="object cannot be given"):
        lib.projects.create(object())  # type: ignore[arg-type]


def test_pages_are_asked_for_as_they_are_gone_through(lib: emam.Library) -> None:
    names = [f"P{number}" for number in range(7)]
    for name in names:
        lib.projects.create(name)
    pages = lib.projects.list(limit=3)
    assert repr(pages) == "Pages('projects.list')"
    assert [each.name for each in pages] == names[::-1]
    assert [each.name for each in pages] == names[::-1], "each iteration asks anew"
    assert [len(page.items) for page in pages.pages()] == [3, 3, 1]
    assert pages.first().next is not None
    first = lib.projects.list(limit=3).first()
    assert first.next is not None
    assert [each.name for each in lib.projects.list(cursor=first.next)] == names[3::-1]


def test_a_search_tells_total_and_facets(lib: emam.Library, clip: Path) -> None:
    lib.assets.ingest(clip, tags=["rain", "a, b"], metadata={"scene": {"no": 4}}).result()
    found = lib.assets.search("rain", kinds=["video"], facets=["codec"]).first()
    assert (found.total, found.items[0].asset.tags) == (1, ["rain", "a, b"])
    assert found.items[0].asset.metadata == {"scene": {"no": 4}}
    assert [value.value for value in found.facets[0].values] == ["h264"]
    assert [hit.asset.id for hit in lib.assets.search("rain")] == [found.items[0].asset.id]


def test_unions_are_told_apart(lib: emam.Library, clip: Path) -> None:
    asset = lib.assets.ingest(clip).result()
    project = lib.projects.create("Promo")
    filled = lib.bins.add(project.root_bin, emam.BinTargetAsset(asset=asset.id))
    (item,) = filled.items
    assert isinstance(item, emam.BinItemAsset)
    assert (item.target, item.asset) == ("asset", asset.id)
    as_dict = {"target": "asset", "asset": asset.id}
    assert len(lib.bins.add(project.root_bin, as_dict).items) == 2  # type: ignore[arg-type]

    frames = emam.TimeRange(start=0, duration=10, rate="25")
    opening = lib.annotations.add(asset.id, "subclip", name="opening", range=frames)
    assert opening.range == frames and isinstance(opening.source, emam.SourcePerson)
    cut = lib.sequences.create(project.id, "Cut", "25")
    cut = lib.sequences.append(cut.id, asset.id, subclip=opening.id)
    assert any(isinstance(item, emam.ItemClip) for track in cut.tracks for item in track.items)
    for rendition in lib.assets.renditions(asset.id):
        wanted = emam.InstanceVerified if rendition.role == "original" else emam.InstanceStored
        assert all(isinstance(instance, wanted) for instance in rendition.instances)


def test_eight_threads_share_a_library(lib: emam.Library) -> None:
    project = lib.projects.create("Promo")

    def work(number: int) -> int:
        for _ in range(25):
            assert lib.projects.get(project.id).name == "Promo"
        return len(lib.bins.list(lib.bins.create(project.root_bin, f"B{number}").project))

    with ThreadPoolExecutor(8) as pool:
        counts = list(pool.map(work, range(8)))
    assert len(lib.bins.list(project.id)) == 9
    assert all(1 < count <= 9 for count in counts)


def test_importing_does_not_import_asyncio() -> None:
    import subprocess

    program = "import sys, emam; print('asyncio' in sys.modules, emam.aio.open.__name__)"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["False", "open"]

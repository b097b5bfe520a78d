"""Runs in the hand, and the event log."""

from __future__ import annotations

import itertools
from pathlib import Path

import emam
import pytest
from emam import errors


def test_a_run_is_watched_and_gives_its_result(lib: emam.Library, clip: Path) -> None:
    run = lib.assets.ingest(clip, title="Take 1")
    assert run.asset is not None and repr(run) == f"RunHandle({run.id!r}, asset={run.asset!r})"
    steps = [progress.step for progress in run.progress()]
    assert steps and set(steps) <= {step.name for step in lib.runs.get(run.id).steps}
    asset = run.result(timeout=0)
    assert (asset.id, asset.title, asset.kind) == (run.asset, "Take 1", "video")
    assert list(run.progress())[1:] == [], "an ended run has at most one last word"


def test_waiting_has_an_end(lib: emam.Library, long_clip: Path) -> None:
    run = lib.assets.ingest(long_clip)
    with pytest.raises(errors.Timeout) as caught:
        run.result(timeout=0.05)
    assert caught.value.retryable and isinstance(caught.value, TimeoutError)
    assert lib.runs.get(run.id).state in ("pending", "running")
    run.cancel()
    with pytest.raises(errors.Cancelled):
        run.result()
    with pytest.raises(errors.Conflict):
        run.cancel()


def test_many_runs_tell_what_was_refused(lib: emam.Library, clip: Path, tmp_path: Path) -> None:
    missing = tmp_path / "missing.mov"
    runs = lib.assets.ingest_all([clip, missing])
    assert [run.result().kind for run in runs] == ["video"]
    assert (len(runs), runs[0].id, runs[:1][0]) == (1, runs[0].id, runs[0])
    (refused,) = runs.refused
    assert (refused.path, refused.error.kind) == (str(missing), "not_found")
    assert "missing.mov" in repr(runs)


def test_a_failed_run_raises_what_it_failed_with(lib: emam.Library, tmp_path: Path) -> None:
    broken = tmp_path / "broken.mov"
    broken.write_bytes(b"\0\0\0\x20ftypqt  " + bytes(4096))
    run = lib.assets.ingest(broken)
    with pytest.raises(errors.InvalidMedia) as caught:
        run.result()
    assert caught.value.context["run"] == run.id
    asset = lib.assets.get(run.asset or "")
    assert asset.lifecycle == "failed" and asset.failure is not None
    assert asset.failure.kind == "invalid_media"


def test_leaving_the_block_waits_and_an_exception_cancels(
    lib: emam.Library, clip: Path, long_clip: Path
) -> None:
    with lib.assets.ingest(clip) as run:
        pass
    assert lib.runs.get(run.id).state == "succeeded"
    with pytest.raises(KeyError), lib.assets.ingest(long_clip) as run:
        raise KeyError
    assert lib.runs.get(run.id).state == "cancelled"
    with lib.assets.ingest(long_clip, known_content="allow") as run:
        run.cancel()
    assert lib.runs.get(run.id).state == "cancelled"


def test_a_run_is_taken_in_the_hand_by_id(lib: emam.Library, clip: Path) -> None:
    first = lib.assets.ingest(clip)
    again = lib.runs.handle(first.id)
    assert again.asset == first.asset
    assert again.result()["id"] == first.asset
    with pytest.raises(errors.NotFound):
        lib.runs.handle(lib.projects.create("no run").id)


def test_archive_and_restore(lib: emam.Library, clip: Path) -> None:
    asset = lib.assets.ingest(clip).result()
    plan = lib.archive.plan_store([asset.id], "deep_archive")
    assert plan.quote.bytes == clip.stat().st_size
    (run,) = lib.archive.store([asset.id], "deep_archive")
    run.result()
    assert lib.assets.availability(asset.id).availability == "proxy_only"
    (run,) = lib.archive.restore([asset.id], keep_for_ms=60_000)
    run.result(timeout=60)
    assert lib.assets.availability(asset.id).availability == "online"


def test_show_draws_and_gives_the_result(
    lib: emam.Library, clip: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    asset = lib.assets.ingest(clip).show()
    assert asset.kind == "video"
    assert capfd.readouterr().err.strip(), "something is drawn"


def test_events_are_followed_from_any_place(lib: emam.Library) -> None:
    made = [lib.projects.create(name).id for name in "abc"]
    last = lib.events.last().seq
    events = list(itertools.takewhile(lambda event: event.seq < last, lib.events.follow()))
    subjects = [event.subject for event in events if event.topic == "project.created"]
    assert subjects == made and [event.seq for event in events] == list(range(1, last))
    later = lib.events.follow(after=last)
    fourth = lib.projects.create("d").id
    assert next(event for event in later if event.topic == "project.created").subject == fourth
    assert lib.events.list(after=lib.events.last().seq, wait_ms=10) == []

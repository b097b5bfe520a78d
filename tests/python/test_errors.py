"""Every kind of error as its class, and what comes of bad input."""

from __future__ import annotations

import json
import pickle
import re
from pathlib import Path

import emam
import pytest
from emam import errors

API = json.loads((Path(__file__).parents[2] / "docs/reference/api.json").read_text())

BUILTINS = {
    "not_found": FileNotFoundError,
    "already_exists": FileExistsError,
    "invalid_input": ValueError,
    "permission_denied": PermissionError,
    "timeout": TimeoutError,
    "unavailable": ConnectionError,
}


@pytest.mark.parametrize("row", API["errors"], ids=lambda row: row["kind"])
def test_each_kind_is_a_class_with_its_builtin(row: dict[str, object]) -> None:
    kind = str(row["kind"])
    info = {
        "kind": kind,
        "operation": "assets.get",
        "message": "no asset has this id",
        "retryable": row["retryable"],
        "retry_after_ms": 1500,
        "context": [["id", "0190"], ["path", "a b"]],
        "causes": ["outer", "inner"],
    }
    error = errors.from_json(json.dumps(info))
    name = "".join(word.capitalize() for word in kind.split("_"))
    assert type(error) is getattr(errors, name) and name in errors.__all__
    assert type(error).kind == kind and (type(error).__doc__ or "").strip() == str(row["doc"]).replace(
        "Error::report", "EmamError.report"
    )
    assert isinstance(error, BUILTINS.get(kind, emam.EmamError))
    assert str(error) == "assets.get: no asset has this id (id: 0190, path: a b)"
    for each in (error, pickle.loads(pickle.dumps(error))):
        assert type(each) is type(error)
        assert (each.kind, each.operation, each.message) == (kind, "assets.get", info["message"])
        assert (each.retryable, each.retry_after) == (row["retryable"], 1.5)
        assert each.context == {"id": "0190", "path": "a b"}
        assert each.causes == ["outer", "inner"]
    assert error.report().endswith("caused by: outer\n  caused by: inner")


def test_no_class_is_without_its_kind() -> None:
    kinds = {row["kind"] for row in API["errors"]}
    assert {each.kind for each in emam.EmamError.__subclasses__()} == kinds


def test_a_kind_of_a_newer_library_is_an_emam_error() -> None:
    info = {"kind": "brand_new", "operation": "a.b", "message": "m", "retryable": True}
    error = errors.from_json(json.dumps(info))
    assert type(error) is emam.EmamError and error.kind == "brand_new"


def test_errors_of_the_library_carry_their_facts(lib: emam.Library, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        lib.assets.ingest(tmp_path / "missing.mov")
    error = caught.value
    assert isinstance(error, errors.NotFound)
    assert error.operation == "assets.ingest" and not error.retryable
    assert error.context["path"].endswith("missing.mov")


def test_an_unknown_keyword_is_a_type_error(lib: emam.Library) -> None:
    with pytest.raises(TypeError, match="kind"):
        lib.assets.search("rain", kind="video")  # type: ignore[call-arg]
    with pytest.raises(errors.InvalidInput, match="`kind`"):
        lib.call("assets.search", kind="video")
    with pytest.raises(errors.NotFound, match="no such operation"):
        lib.call("assets.find")


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"limit": "many"}, "limit"),
        ({"limit": 10**30}, "limit|number"),
        ({"limit": 10**400}, "number"),
        ({"limit": float("nan")}, r'near: .*"limit":NaN'),
        ({"limit": float("inf")}, r'near: .*"limit":Infinity'),
        ({"limit": True}, "limit"),
        ({"limit": 0}, "limit"),
        ({"text": "\ud800"}, r'hex escape.*near: .*"text":"\\ud800'),
        ({"text": 5}, "text"),
        ({"text": b"rain".decode("utf-16-le", "surrogatepass"), "limit": -1}, "limit"),
        ({"kinds": ["Video"]}, "Video"),
        ({"kinds": ["projectFile"]}, "projectFile"),
        ({"kinds": "video"}, "kinds"),
        ({"cursor": "made up"}, "cursor"),
        ({"created_from": "yesterday"}, "created_from"),
    ],
    ids=repr,
)
def test_wrong_values_are_refused_by_name(
    lib: emam.Library, given: dict[str, object], says: str
) -> None:
    with pytest.raises(errors.InvalidInput) as caught:
        lib.assets.search(**given).first()  # type: ignore[arg-type]
    assert caught.value.operation == "assets.search"
    assert re.search(says, str(caught.value)), str(caught.value)


def test_wrong_settings_are_refused(tmp_path: Path) -> None:
    with pytest.raises(errors.InvalidInput, match="workers"):
        emam.open(tmp_path, workers="many")  # type: ignore[arg-type]
    with pytest.raises(errors.InvalidInput, match="folder"):
        emam.open(5)  # type: ignore[arg-type]
    file = tmp_path / "file"
    file.write_text("no folder")
    with pytest.raises(emam.EmamError):
        emam.open(file)

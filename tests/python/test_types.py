"""What the types promise: to mypy, to stubtest, and to the operation table."""

from __future__ import annotations

import inspect
import json
import keyword
import subprocess
import sys
from pathlib import Path

import emam
import msgspec
from emam import records

HERE = Path(__file__).parent
API = json.loads((HERE.parents[1] / "docs/reference/api.json").read_text())


def mypy(*arguments: str) -> str:
    ran = subprocess.run(
        [sys.executable, "-m", *arguments], capture_output=True, text=True, cwd=HERE, timeout=300
    )
    return "" if ran.returncode == 0 else ran.stdout + ran.stderr


def test_the_package_and_its_use_pass_mypy() -> None:
    tests = sorted(str(path) for path in [*HERE.glob("test_*.py"), HERE / "typed_use.py"])
    # By its name: to mypy the folder of an installed package stands for all that lies beside it.
    for what in [["--package", "emam"], tests]:
        assert mypy("mypy", "--strict", "--cache-dir=/dev/null", *what) == ""


def test_the_stub_of_the_native_module_is_true() -> None:
    assert mypy("mypy.stubtest", "emam._native") == ""


def test_every_operation_is_a_documented_method() -> None:
    from emam import _client

    for operation in API["operations"]:
        noun, verb = operation["name"].split(".")
        verb = f"{verb}_" if keyword.iskeyword(verb) else verb
        method = getattr(getattr(_client, noun.capitalize()), verb)
        doc = inspect.getdoc(method) or ""
        assert " ".join(doc.split()).startswith(" ".join(operation["doc"].split())), operation
        for name in inspect.signature(method).parameters:
            assert name == "self" or f"{name}: " in doc, (operation["name"], name)


def test_records_come_back_as_they_were() -> None:
    shared = {"id": "1", "storage": "originals", "key": "a", "size": 2**40}
    text = json.dumps({**shared, "state": "archived", "class": "deep_archive", "unknown": 1})
    if "storage_class" in records.InstanceArchived.__annotations__:
        text = text.replace('"class"', '"storage_class"')
    kind = msgspec.json.Decoder(records.Instance)
    instance = kind.decode(text)
    assert isinstance(instance, records.InstanceArchived)
    assert kind.decode(msgspec.json.encode(instance)) == instance
    for name in records.__all__:
        each = getattr(records, name)
        if isinstance(each, type) and issubclass(each, msgspec.Struct):
            assert each.__doc__ and each.__struct_config__.frozen, name
            msgspec.json.Decoder(each)  # its annotations can be understood

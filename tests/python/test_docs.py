"""The programs in the README and in the guide run as they stand there."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = ["README.md", "docs/guide/python.md"]


def programs(page: str) -> list[str]:
    text = (ROOT / page).read_text(encoding="utf-8")
    return re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", PAGES)
def test_the_programs_of_a_page_run(
    page: str, make_clip: Callable[[float], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = programs(page)
    assert found, f"{page} has no programs in Python any more"
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"clip": str(make_clip(3)), "__name__": "page"}
    for number, program in enumerate(found, 1):
        exec(compile(program, f"{page} program {number}", "exec"), names)
    assert (tmp_path / "media" / "catalog.db").exists()


def test_the_readme_is_the_example() -> None:
    example = (ROOT / "examples/python/quickstart.py").read_text(encoding="utf-8")
    shown = example.split("# readme:start\n")[1].split("# readme:end\n")[0]
    assert programs("README.md") == [shown]

"""A library in a fresh folder, and clips small enough to be made here."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import emam
import pytest

Make = Callable[..., Path]


@pytest.fixture
def lib(tmp_path: Path) -> Iterator[emam.Library]:
    with emam.open(tmp_path / "library") as library:
        yield library


@pytest.fixture(scope="session")
def make_clip(tmp_path_factory: pytest.TempPathFactory) -> Make:
    ffmpeg = shutil.which("ffmpeg")
    if ffmpeg is None:
        pytest.skip("ffmpeg is not on the PATH")
    folder = tmp_path_factory.mktemp("clips")

    def make(seconds: float = 1, size: str = "160x90", name: str = "") -> Path:
        path = folder / (name or f"clip-{seconds}-{size}.mp4")
        if not path.exists():
            sources = [f"testsrc2=size={size}:rate=25:duration={seconds}", f"sine=d={seconds}"]
            inputs = [part for source in sources for part in ("-f", "lavfi", "-i", source)]
            codecs = ["-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac"]
            subprocess.run([ffmpeg, "-v", "error", *inputs, *codecs, str(path)], check=True)
        return path

    return make


@pytest.fixture(scope="session")
def clip(make_clip: Make) -> Path:
    return make_clip()


@pytest.fixture(scope="session")
def long_clip(make_clip: Make) -> Path:
    """A clip whose proxy takes seconds to make."""
    return make_clip(60, "1280x720")

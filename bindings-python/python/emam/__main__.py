"""The command `emam`, also as `python -m emam`."""

import os
import signal
import sys

from ._native import main as run


def main() -> int:
    """Runs the command and gives its exit code."""
    # The command closes the library on Ctrl-C; Python's own handler would raise on top of that.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    # Where the package's extra `ffmpeg` is, also where the environment is not an active one.
    os.environ.setdefault("VIRTUAL_ENV", sys.prefix)
    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())

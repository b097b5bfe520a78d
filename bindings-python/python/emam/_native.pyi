"""The native part: opens a library and calls its operations, JSON in and JSON out."""

from collections.abc import Coroutine
from typing import Any, final

__all__ = ["Library", "__version__", "main", "open", "open_async", "shutdown"]

__version__: str

@final
class Library:
    """A library of media, and its operations by name."""

    def call(self, operation: str, params: str) -> bytes:
        """Does an operation: JSON in, JSON out."""

    def call_async(self, operation: str, params: str) -> Coroutine[Any, Any, bytes]:
        """Does an operation: JSON in, JSON out. Cancelling drops the call."""

    def close(self) -> None:
        """Lets go of all work under way and waits until that is done."""

    def close_async(self) -> Coroutine[Any, Any, None]:
        """Lets go of all work under way and waits until that is done."""

def open(params: str) -> Library:
    """Opens the library that parameters in JSON describe."""

def open_async(params: str) -> Coroutine[Any, Any, Library]:
    """Opens the library that parameters in JSON describe."""

def shutdown(libraries: list[Library]) -> None:
    """Closes the libraries at the end of the interpreter. Nothing can be called afterwards."""

def main(arguments: list[str]) -> int:
    """Does what a command line says and gives the code to exit with."""

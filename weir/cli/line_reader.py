"""Lines that a person types, with editing and a history that is kept, or that come from a pipe."""

import contextlib
import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

HISTORY_FILE = "chat_history"
HISTORY_LINES = 1_000


class LineReader:
    """Reads lines from standard input. In a terminal they can be edited, and the earlier ones come back with ↑."""

    def __init__(self, folder: Path, prompt: str) -> None:
        self.is_interactive = sys.stdin.isatty()
        self._prompt = prompt
        self._file = folder / HISTORY_FILE
        self._readline = _readline() if self.is_interactive else None
        if self._readline is not None:
            self._readline.set_history_length(HISTORY_LINES)
            with contextlib.suppress(OSError):  # there is none yet, or it cannot be read
                self._readline.read_history_file(self._file)

    def __iter__(self) -> Iterator[str]:
        """Yield lines until the input ends, which in a terminal is Ctrl-D. Ctrl-C empties a line that is typed."""
        if not self.is_interactive:
            for line in sys.stdin.buffer:
                yield line.decode("utf-8-sig", errors="replace").strip()
            return
        while True:
            try:
                line = self._read()
            except KeyboardInterrupt:
                sys.stderr.write("\n")
                continue
            except EOFError:
                sys.stderr.write("\n")
                return
            yield line.encode("utf-8", errors="replace").decode().strip()

    def close(self) -> None:
        """Keep the history, readable by this user only. A history that cannot be written is lost."""
        if self._readline is None:
            return
        with contextlib.suppress(OSError):
            self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._file.touch(mode=0o600)
            self._readline.write_history_file(self._file)

    def _read(self) -> str:
        if sys.stdout.isatty():
            return input(self._prompt)
        # `input` would write the prompt to standard output, among the answers.
        sys.stderr.write(self._prompt)
        sys.stderr.flush()
        return input()


def _readline() -> ModuleType | None:
    """Return the module that edits lines; None on Windows, which edits them itself."""
    try:
        return importlib.import_module("readline")
    except ImportError:
        return None

"""Progress bar of an answer: below the text in the same terminal, or alone where the text goes to a pipe."""

import sys

from rich.cells import get_character_cell_size
from tqdm import tqdm

from weir.cli.terminal import Terminal

MIN_COLUMNS = 24
"""Width of a terminal below which a bar would be wrapped, and could not be drawn anew."""


class ProgressBar:
    """A tqdm bar on standard error: tokens against the expected length, tokens per second and time left.

    Where the text goes to the same terminal, it is written above the bar, word by word: the bar is cleared, the cursor
    goes up to the end of the text and back.
    """

    def __init__(self, terminal: Terminal, *, expected: int, limit: int | None) -> None:
        tqdm.monitor_interval = 0  # its thread would redraw the bar in the middle of the text
        self._terminal = terminal
        self._shares_terminal = terminal.draws_output
        self._expected = expected
        self._limit = limit
        self._column = 0
        if self._shares_terminal:
            terminal.write("\n")
        self._bar = tqdm(
            total=expected, desc="Waiting", unit=" tokens", leave=False, ncols=self._width, file=sys.stderr
        )

    def write(self, text: str) -> None:
        """Write a piece of the answer. `show` draws the bar again."""
        if not self._shares_terminal:
            self._terminal.write(text)
            return
        if not text:
            return
        self._bar.clear()
        back = f"\x1b[A\x1b[{self._column}C" if self._column else "\x1b[A"
        sys.stdout.write(f"{back}{self._wrapped(self._terminal.printable(text))}\n")
        sys.stdout.flush()

    def show(self, written: int) -> None:
        """Draw how many tokens are written."""
        if written and not self._bar.n:
            # The speed is that of the tokens after the first.
            self._bar.reset()
            self._bar.initial = written
            self._bar.set_description_str("Generating", refresh=False)
        self._bar.total = self._total(written)
        self._bar.n = written
        self._bar.ncols = self._width
        self._bar.refresh()

    def close(self) -> None:
        """Remove the bar. The cursor is at the beginning of a line."""
        self._bar.close()
        # The terminal has echoed ^C behind it.
        sys.stderr.write("\r\x1b[2K")
        sys.stderr.flush()

    @property
    def _width(self) -> int:
        return self._terminal.message_console.width - 4

    def _total(self, written: int) -> int:
        if written < self._expected:
            return self._expected
        return self._limit if self._limit and written < self._limit else written

    def _wrapped(self, text: str) -> str:
        """Return text with a line break wherever the terminal would wrap it, and keep its last column."""
        width = self._terminal.console.width
        parts: list[str] = []
        for character in text.expandtabs(8):
            if character == "\n":
                self._column = 0
            else:
                cells = get_character_cell_size(character)
                if self._column + cells > width:
                    parts.append("\n")
                    self._column = 0
                self._column += cells
            parts.append(character)
        return "".join(parts)

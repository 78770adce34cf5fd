"""Terminal: the standard output and standard error of a command, and what may be drawn on them.

The answer goes to standard output, everything else to standard error. Colours, bars and lines that change are for a
terminal: a pipe or a file gets the text alone, as the model wrote it.
"""

import contextlib
import functools
import sys
from typing import TYPE_CHECKING, TextIO

from weir.text.invisible_characters import InvisibleCharacterFilter, replace_invisible

if TYPE_CHECKING:
    from rich.console import Console


class Terminal:
    """Writes text and messages. With `plain` nothing is drawn, whether there is a terminal or not.

    A model's text that goes to a terminal has its control characters replaced: they could move the cursor, or have the
    terminal execute something.
    """

    def __init__(self, *, plain: bool = False) -> None:
        for stream in (sys.stdout, sys.stderr):
            _write_any_text(stream)
        self._plain = plain
        self._filter = InvisibleCharacterFilter() if sys.stdout.isatty() else None
        self._ends_line = True
        self._has_drawn = False

    @functools.cached_property
    def console(self) -> "Console":
        """Draws on standard output."""
        return self._console(sys.stdout)

    @functools.cached_property
    def message_console(self) -> "Console":
        """Draws on standard error."""
        return self._console(sys.stderr)

    @property
    def draws_output(self) -> bool:
        """Whether lines that change may be drawn on standard output."""
        return self._draws(self.console)

    @property
    def drawing_width(self) -> int:
        """Columns for what is drawn anew: the terminal echoes ^C behind it, which must not wrap to a further line."""
        return max(10, self.console.width - 4)

    @property
    def draws_messages(self) -> bool:
        """Whether a bar may be drawn on standard error."""
        return self._draws(self.message_console)

    def write(self, text: str) -> None:
        """Write a piece of the answer at once. Raises BrokenPipeError if nobody reads it any more."""
        if not text:
            return
        self._ends_line = text.endswith("\n")
        sys.stdout.write(self.printable(text))
        sys.stdout.flush()

    def printable(self, text: str) -> str:
        """Return a piece of a model's text as it may be written to standard output."""
        return text if self._filter is None else self._filter.feed(text.replace("\r", ""))

    def end_line(self) -> None:
        """End the line of the answer, unless it has ended."""
        if not self._ends_line:
            self.write("\n")

    def say(self, message: str) -> None:
        """Write a message for people to standard error. If nobody reads that, the message is lost."""
        with contextlib.suppress(BrokenPipeError):
            sys.stderr.write(f"{replace_invisible(message) if sys.stderr.isatty() else message}\n")
            sys.stderr.flush()

    def draw_message(self, line: str) -> None:
        """Draw a line on standard error in place of the one before."""
        sys.stderr.write(f"\r{line}")
        sys.stderr.flush()
        self._has_drawn = True

    def end_message(self) -> None:
        """Keep the line that was drawn last, if there is one."""
        if self._has_drawn:
            self._has_drawn = False
            self.say("")

    def _draws(self, console: "Console") -> bool:
        return console.is_terminal and not console.is_dumb_terminal and not self._plain

    def _console(self, stream: TextIO) -> "Console":
        # Imported here: commands that write text alone need no rich.
        from rich.console import Console

        console = Console(file=stream, highlight=False, emoji=False, markup=False)
        if console.no_color or not self._draws(console):
            console = Console(file=stream, highlight=False, emoji=False, markup=False, color_system=None, no_color=True)
        return console


def _write_any_text(stream: TextIO) -> None:
    """Let a character that the stream's encoding cannot express, or half of a surrogate pair, become a `?`."""
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="replace")

"""Output of JSON that is still being written: its partial values, its fields, or the object that grows in place."""

import json
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any

from rich.constrain import Constrain
from rich.live import Live
from rich.text import Text

from weir.cli.terminal import Terminal
from weir.partial_json.fields import ChangeType, Field, FieldEvent, Json, ParseResult, ParseStatus, Validity
from weir.partial_json.outline import OutlineRow, Stage, outline
from weir.partial_json.parser import PartialJson
from weir.text.invisible_characters import replace_invisible

DRAW_INTERVAL_SECONDS = 0.1
"""Between two drawings of an object that grows in place."""

_MARKS = {
    Stage.ABSENT: ("○", "dim"),
    Stage.GROWING: ("…", "yellow"),
    Stage.CLOSED: ("·", ""),
    Stage.VALID: ("✓", "green"),
    Stage.INVALID: ("✗", "red"),
}


class JsonOutput(AbstractContextManager["JsonOutput"]):
    """Parses text as it comes. This class writes the whole value at the end; subclasses show it on the way too."""

    def __init__(self, terminal: Terminal, schema: dict[str, Any] | None) -> None:
        """Raises SchemaError."""
        self.parser = PartialJson(schema=schema)
        self._schema = schema
        self._terminal = terminal

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        return None

    def feed(self, text: str) -> None:
        """Parse the next chunk, and show what it changed."""
        if events := self.parser.feed(text):
            self._show(events)

    def refresh(self) -> None:
        """Draw what has come since the last drawing, if anything is drawn."""

    def finish(self) -> list[str]:
        """Parse the end, write the value, and return what is wrong with it, in sentences."""
        result = self.parser.finish()
        if result.events:
            self._show(result.events)
        self._write_value()
        return _problems(self.parser, result)

    def _show(self, events: Sequence[FieldEvent]) -> None:
        """Show a changed value."""

    def _write_value(self) -> None:
        if self.parser.fields.get("") is not None:
            self._terminal.write(json.dumps(self.parser.value, ensure_ascii=False, indent=2) + "\n")


class PartialsOutput(JsonOutput):
    """Writes `Partial: …` for each chunk that changes the value, as Python shows it."""

    def _show(self, events: Sequence[FieldEvent]) -> None:  # noqa: ARG002
        self._terminal.write(f"Partial: {self.parser.value!r}\n")

    def _write_value(self) -> None:
        """Nothing: the last partial is the value."""


class LinesOutput(PartialsOutput):
    """Writes a line of JSON for each chunk that changes the value."""

    def _show(self, events: Sequence[FieldEvent]) -> None:  # noqa: ARG002
        self._terminal.write(json.dumps(self.parser.value, ensure_ascii=False) + "\n")


class FieldsOutput(PartialsOutput):
    """Writes a line for each field that begins, is complete, or is checked against the schema."""

    def _show(self, events: Sequence[FieldEvent]) -> None:
        for event in events:
            if line := self._line(event):
                self._terminal.write(f"{event.field.pointer or '/'} {line}\n")

    def _line(self, event: FieldEvent) -> str:
        field = event.field
        match event.change:
            case ChangeType.OPENED | ChangeType.REPLACED:
                return f"growing {field.type.value}"
            case ChangeType.CLOSED:
                value = _value_of(field, self.parser.value)
                return f"closed {json.dumps(value, ensure_ascii=False)}" if not field.children else "closed"
            case ChangeType.VALIDATED:
                return f"{'valid' if field.validity is Validity.VALID else 'invalid'} {field.problem or ''}".rstrip()
        return ""


class GrowingOutput(JsonOutput):
    """Draws the object as it grows, its fields with their states, and writes the value in its place at the end."""

    def __init__(self, terminal: Terminal, schema: dict[str, Any] | None) -> None:
        super().__init__(terminal, schema)
        self._drawn_at = 0.0
        self._is_drawn = True
        self._live = Live(console=terminal.console, auto_refresh=False, transient=True)
        self._live.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._live.stop()

    def _show(self, events: Sequence[FieldEvent]) -> None:  # noqa: ARG002
        self._is_drawn = False
        self.refresh()

    def refresh(self) -> None:
        now = time.monotonic()
        if self._is_drawn or now - self._drawn_at < DRAW_INTERVAL_SECONDS:
            return
        self._drawn_at, self._is_drawn = now, True
        height = max(3, self._terminal.console.height - 1)
        rows = outline(self.parser, self._schema, limit=height)
        text = Text("\n", no_wrap=True, overflow="ellipsis").join(map(_row_text, rows[-height:]))
        self._live.update(Constrain(text, self._terminal.drawing_width), refresh=True)

    def _write_value(self) -> None:
        self._live.stop()
        super()._write_value()


def _row_text(row: OutlineRow) -> Text:
    mark, style = _MARKS[row.stage]
    name = replace_invisible(f"{row.key}: " if row.key else "")
    value = replace_invisible(" ".join(f"{row.preview} {row.problem}".split()))
    return Text(f"{'  ' * row.depth}{mark} {name}{value}  {row.stage.value}", style=style)


def _value_of(field: Field, value: Any) -> Json:
    for key in field.keys:
        value = value[key]
    found: Json = value
    return found


def _problems(parser: PartialJson, result: ParseResult) -> list[str]:
    """Return a sentence for how the text ended, if it is not whole, and one for each field that is invalid."""
    problems = []
    if result.status is not ParseStatus.COMPLETE:
        status = "Cut off" if result.status is ParseStatus.TRUNCATED else "No valid JSON"
        problems.append(f"{status}. {result.error}")
    root = parser.fields.get("")
    invalid = [] if root is None else [field for field in root.walk() if field.validity is Validity.INVALID]
    return problems + [f"Invalid. {field.pointer or '/'}: {field.problem}" for field in invalid]

"""Inputs of a command: words, a pipe, or JSON."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

FROM_PIPE = "-"
"""Argument that stands for standard input."""


def read_text(words: Sequence[str], *, name: str, example: str) -> str:
    """Return the words of the command line as one text; for `-`, or for none in a pipe, standard input.

    Raises ClickException if there is no text.
    """
    text = " ".join(words).strip()
    if text == FROM_PIPE or (not text and not sys.stdin.isatty()):
        text = sys.stdin.buffer.read().decode("utf-8-sig", errors="replace").strip()
    if not text:
        raise click.ClickException(f"There is no {name}. For example: {example}")
    return text


def read_json(text: str, *, option: str = "--input") -> Any:
    """Return the value of a JSON option: JSON, `@FILE`, or `-` for standard input. Raises ClickException."""
    try:
        if text == FROM_PIPE:
            text = sys.stdin.buffer.read().decode("utf-8-sig")
        elif text.startswith("@"):
            text = Path(text[1:]).read_text(encoding="utf-8-sig")
        return json.loads(text)
    except OSError as error:
        raise click.ClickException(f"{option}: {text[1:]} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise click.ClickException(f"{option} is not JSON: {error}.") from error


def read_graph_options(
    thread: str | None, resume: str | None, checkpoint: str | None, context: str | None, recursion_limit: int | None
) -> dict[str, Any]:
    """Return the fields of GraphOptions that the options set. Raises ClickException."""
    fields = {
        "thread_id": thread,
        "checkpoint_id": checkpoint,
        "recursion_limit": recursion_limit,
        "context": None if context is None else read_json(context, option="--context"),
    }
    given = {name: value for name, value in fields.items() if value is not None}
    return given if resume is None else given | {"resume": read_json(resume, option="--resume")}

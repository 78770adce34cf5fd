"""Recordings as arguments of commands: a file's name, or `-` for standard input."""

import sys
from pathlib import Path

import click

from weir.runs.recording_file import RecordingError, from_jsonl
from weir.runs.run import Run


def open_recording(name: str) -> Run:
    """Return the run of a recording. Raises ClickException with a sentence if it cannot be opened."""
    try:
        content = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
        return from_jsonl(content)
    except OSError as error:
        raise click.ClickException(f"{name} cannot be read: {error.strerror or error}.") from error
    except RecordingError as error:
        raise click.ClickException(f"{name} cannot be opened. {error}") from error

"""Request of an attached program (docs/attach.md): what the tail sends, which is not trusted.

It is the report of the program, then for each run a line that says which line of its recording comes next, and the
lines.
"""

import re
from collections.abc import Iterable

from pydantic import ValidationError

from weir.core import serialization
from weir.runs.attached_program import ProgramReport

MAX_SECTION_LINE = 400
MAX_SECTIONS = 1_000
"""Runs of one request: each may take a look into the database."""

_RUN_ID = re.compile(r"[A-Za-z0-9-]{8,64}")


class AttachError(ValueError):
    """A request is not one of the tail's. Its text is a sentence for the author of the sender."""


def read_report(line: bytes) -> ProgramReport:
    """Return the report of a program, the first line. Raises AttachError."""
    try:
        value = serialization.loads(line)
        return ProgramReport.model_validate(value["program"] | {"kind": ""})
    except (ValueError, RecursionError, KeyError, TypeError) as error:
        reason = error.errors()[0]["msg"] if isinstance(error, ValidationError) else "it is not JSON of that form"
        raise AttachError(f"The first line is not the report of a program: {reason}.") from None


def read_sections(lines: Iterable[bytes]) -> list[tuple[str, int, list[bytes]]]:
    """Return the runs of a request: the id, the number of the first line, and the lines with their newlines.

    Raises AttachError.
    """
    sections: list[tuple[str, int, list[bytes]]] = []
    for line in lines:
        if line.startswith(b'{"run":') and len(line) < MAX_SECTION_LINE:
            sections.append((*_section(line), []))
            if len(sections) > MAX_SECTIONS:
                raise AttachError(f"A request has the lines of {MAX_SECTIONS:,} runs at most.")
        elif line:
            if not sections:
                raise AttachError("The lines of a run come after a line that names it.")
            sections[-1][2].append(line + b"\n")
    return sections


def _section(line: bytes) -> tuple[str, int]:
    try:
        value = serialization.loads(line)
        run_id, number = value["run"], value["line"]
    except (ValueError, RecursionError, KeyError, TypeError):
        run_id, number = None, None
    if not isinstance(run_id, str) or not _RUN_ID.fullmatch(run_id) or type(number) is not int or number < 0:
        raise AttachError("A line that names a run has its id and the number of the line that follows.")
    return run_id, number

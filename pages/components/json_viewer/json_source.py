"""The JSON of the viewer as timed chunks: from a run, or from a pasted text."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from pydantic import BaseModel

from chains.structured import class_of_fields
from pages.components.layout.translation import N_, _
from weir.analysis.run_json import ChainOutput, RunJsonReader, TimedText
from weir.partial_json import adversarial_chunking
from weir.partial_json.checked_schema import SchemaError
from weir.partial_json.parser import PartialJson
from weir.runs.run import Run

CHUNK_INTERVAL_SECONDS = 0.02
"""Between two chunks of a pasted text."""
STALL_AT, STALL_SECONDS = 0.5, 2.0
"""A text that is cut *adversarial* pauses for two seconds at half of its chunks."""


class Chunker(StrEnum):
    """How a pasted text is cut into chunks."""

    ONE = N_("1 character")
    FOUR = N_("4 characters")
    N = N_("n characters")
    HOSTILE = N_("adversarial")


@dataclass(frozen=True, slots=True)
class JsonSource:
    """Timed chunks of text, what a chain made of them, and the schema that they should fit."""

    id: str
    chunks: Sequence[TimedText]
    schema: dict[str, Any] | None
    yielded: Sequence[ChainOutput] = field(default_factory=list)


def of_run(run: Run, stream: RunJsonReader) -> JsonSource:
    """Return the JSON of a run that has ended. `stream` has read its events."""
    return JsonSource(run.id, stream.chunks(), schema_of(run), stream.outputs)


def schema_of(run: Run) -> dict[str, Any] | None:
    """Return the schema that a run's text should fit; None if the run has none, or an invalid one."""
    schema = run.context.get("schema")
    if not isinstance(schema, dict):
        return None
    try:
        PartialJson(schema=schema)
    except SchemaError:
        return None
    return schema


def of_text(text: str, chunker: Chunker, size: int, cut: int, schema: dict[str, Any] | None) -> JsonSource:
    """Return a pasted text, without its last `cut` characters, in chunks."""
    text = adversarial_chunking.drop_last(text, cut)
    if chunker is Chunker.HOSTILE:
        pieces = list(adversarial_chunking.decoded(adversarial_chunking.split_inside_characters(text)))
    else:
        pieces = adversarial_chunking.by_characters(text, {Chunker.ONE: 1, Chunker.FOUR: 4}.get(chunker, size))
    stall = STALL_SECONDS if chunker is Chunker.HOSTILE else 0.0
    timed = [
        TimedText(CHUNK_INTERVAL_SECONDS * number + (stall if number > STALL_AT * len(pieces) else 0.0), piece)
        for number, piece in enumerate(pieces)
    ]
    return JsonSource(f"text-{hash((text, chunker, size, cut, json.dumps(schema)))}", timed, schema)


def own_schema(text: str) -> dict[str, Any] | type[BaseModel]:
    """Return a schema of the visitor's own: a JSON Schema, or a list of fields.

    Raises ValueError, with a sentence for them, if the text is neither.
    """
    if not text.lstrip().startswith("{"):
        return class_of_fields(text)
    try:
        schema = json.loads(text)
    except ValueError as error:
        raise ValueError(_("This JSON Schema is not JSON: {error}.").format(error=error)) from None
    if schema.get("type") != "object" or not isinstance(schema.get("properties"), dict):
        raise ValueError(_('The schema must be of an object: {"type": "object", "properties": {…}}.'))
    checked: dict[str, Any] = schema
    return checked


def form_of(schema: dict[str, Any] | type[BaseModel]) -> dict[str, Any]:
    """Return the JSON Schema of a schema that may be a class."""
    return schema if isinstance(schema, dict) else schema.model_json_schema()

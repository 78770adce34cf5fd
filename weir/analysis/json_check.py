"""The rule `json_valid`: the JSON of a run, held against a schema while it is read."""

from collections.abc import Iterator, Sequence
from typing import Any

from weir.analysis.checked_run import CheckedRun, CheckResult
from weir.analysis.metrics import root_chunk_text
from weir.analysis.run_json import RunJsonReader
from weir.core import serialization
from weir.core.run_event import RunEvent
from weir.partial_json.fields import ChangeType, ParseStatus, Validity


def json_valid(recorded: CheckedRun, schema: dict[str, Any] | bool) -> Iterator[CheckResult]:
    """Check that the answer is JSON that a schema allows, at each of its chunks; True allows any JSON."""
    from weir.partial_json.parser import PartialJson  # with jsonschema, which no other rule needs

    limit = "valid JSON" if schema is True else "JSON that the schema allows"
    parser = PartialJson(schema=None if schema is True else schema)
    chunks = _json_chunks(recorded)
    for event, text in chunks:
        changes = parser.feed(text)
        problem = str(parser.error) if parser.error else _problem(changes)
        if problem:
            yield recorded.broken("json_valid", problem, limit, event)
            return
    result = parser.finish()
    last = chunks[-1][0] if chunks else None
    if result.status is not ParseStatus.COMPLETE:
        problem = str(result.error) if parser.fields else "the answer has no JSON"
        yield recorded.broken("json_valid", problem, limit, last)
    elif problem := _problem(result.events):
        yield recorded.broken("json_valid", problem, limit, last)
    elif schema is not True and parser.fields[""].validity is Validity.UNKNOWN:
        yield CheckResult("json_valid", None, parser.fields[""].problem or "it could not be validated", limit)
    else:
        yield CheckResult("json_valid", True, "valid", limit)


def _json_chunks(recorded: CheckedRun) -> list[tuple[RunEvent, str]]:
    """Return the chunks of the run's JSON with their events: the model's text, else the answer, else the last value."""
    reader = RunJsonReader()
    reader.read(recorded.events)
    if reader.writer and (chunks := reader.chunks()):
        return [(recorded.events[seq], text) for seq, (_, text) in zip(reader.writer.chunk_seqs, chunks, strict=True)]
    if recorded.text:
        return [(event, root_chunk_text(event)) for event in recorded.answer_events]
    values = [event for event in recorded.events if event.is_root and event.event.endswith("_stream")]
    return [(values[-1], serialization.dumps(values[-1].get("chunk")).decode())] if values else []


def _problem(changes: Sequence[Any]) -> str:
    """Return the first problem with the schema among the changes of a chunk; "" if there is none."""
    for change in changes:
        if change.change is ChangeType.VALIDATED and change.field.validity is Validity.INVALID:
            return f"{change.field.pointer or 'the whole'}: {change.field.problem or 'not as the schema has it'}"
    return ""

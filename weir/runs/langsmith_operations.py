"""LangSmith operations: what LangSmith's clients send of a run, read from their requests (docs/attach.md).

A client creates each component of a run with one operation and updates it with another; both have the component's id
and the fields that are known by then. They come as JSON, one or a batch, or as the parts of a form.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from weir.core import serialization

MAX_OPERATIONS = 2_000
"""Operations of one request. The clients send a hundred at most."""

_ID = re.compile(r"[A-Za-z0-9-]{8,64}")
_PART = re.compile(r"(post|patch)\.([A-Za-z0-9-]{8,64})(?:\.(inputs|outputs|events|extra|error|serialized))?")
_LATEST = 32_503_680_000.0
"""The year 3000."""


class IngestError(ValueError):
    """A request is not one of LangSmith's clients. Its text is a sentence for whoever wrote the sender."""


@dataclass(frozen=True, slots=True)
class Operation:
    """The fields that a client knows of one component by now."""

    id: str
    trace_id: str
    """Id of the root; "" if the client does not say it."""
    fields: dict[str, Any]


def read_operation(body: bytes, run_id: str | None = None) -> list[Operation]:
    """Return the operation of a request with one. `run_id` is that of the address. Raises IngestError."""
    fields = _object(body)
    return [_operation(fields if run_id is None else {**fields, "id": run_id})]


def read_batch(body: bytes) -> list[Operation]:
    """Return the operations of a JSON batch, those that create first. Raises IngestError."""
    batch = _object(body)
    found: list[Any] = []
    for name in ("post", "patch"):
        part = batch.get(name) or []
        if not isinstance(part, list):
            raise IngestError(f"`{name}` is a list of runs.")
        found += part
    _check_count(found)
    return list(map(_operation, found))


def read_parts(parts: Iterable[tuple[str, bytes]]) -> list[Operation]:
    """Return the operations of a form's parts, by their names and contents. Raises IngestError."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for name, content in parts:
        # Other parts are attachments and feedback: nothing of the tree.
        if (match := _PART.fullmatch(name)) is None:
            continue
        fields = found.setdefault((match[1], match[2]), {"id": match[2]})
        if match[3]:
            fields[match[3]] = _json(content)
        else:
            fields |= {**_object(content), "id": match[2]}
    _check_count(found)
    return [_operation(fields) for _, fields in sorted(found.items(), key=lambda item: item[0][0] == "patch")]


def seconds_of(value: Any) -> float | None:
    """Return a time in seconds since the epoch, from ISO 8601 or JavaScript's milliseconds. None if it is none."""
    if isinstance(value, str) and len(value) <= 50:
        try:
            moment = datetime.fromisoformat(value)
            seconds = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
        except (ValueError, OverflowError):
            return None
    elif isinstance(value, int | float) and not isinstance(value, bool):
        seconds = value / 1e3
    else:
        return None
    return seconds if 0 <= seconds <= _LATEST else None


def id_of(value: Any) -> str:
    """Return an id as the clients make them; "" for anything else."""
    return value if isinstance(value, str) and _ID.fullmatch(value) else ""


def _operation(fields: Any) -> Operation:
    run_id = id_of(fields.get("id")) if isinstance(fields, dict) else ""
    if not run_id:
        raise IngestError("A run is a JSON object with an id of 8 to 64 letters, digits and hyphens.")
    # 20261129T042853886223Z<id of the root>.…
    order = fields.get("dotted_order")
    first = order.partition(".")[0].partition("Z")[2] if isinstance(order, str) else ""
    parent = id_of(fields.get("parent_run_id"))
    trace_id = id_of(fields.get("trace_id")) or id_of(first) or ("" if parent or "start_time" not in fields else run_id)
    return Operation(run_id, trace_id, fields)


def _check_count(operations: Sequence[Any] | dict[Any, Any]) -> None:
    if len(operations) > MAX_OPERATIONS:
        raise IngestError(f"A request has {MAX_OPERATIONS:,} runs at most.")


def _object(content: bytes) -> dict[str, Any]:
    value = _json(content)
    if not isinstance(value, dict):
        raise IngestError("The body is not a JSON object.")
    return value


def _json(content: bytes) -> Any:
    try:
        return serialization.loads(content)
    except (ValueError, RecursionError):
        raise IngestError("The body is not JSON, or nested too deeply.") from None

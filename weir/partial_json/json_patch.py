"""JSON Patch (RFC 6902) of the changes that a chunk made. It is made from the events; no documents are compared.

RFC 6902 has no operation that appends to a string. `patch` replaces a string that grew by the whole new one, so that
the operation is as long as the string. `deltas` has the operation "append" for it, which is not in the standard.
"""

from collections.abc import Callable, Iterable
from typing import Any, TypedDict

from weir.partial_json.fields import CONTAINERS, ChangeType, Field, FieldEvent, Json, JsonType


class Operation(TypedDict):
    """`op` is "add", which also replaces a duplicate key (RFC 6902, 4.1), "replace", or in deltas "append"."""

    op: str
    path: str
    value: Json


def patch(events: Iterable[FieldEvent], document: Json) -> list[Operation]:
    """Return the patch that the events made to the document: `patch(parser.feed(text), parser.value)`."""
    return _operations(events, document, _replace)


def deltas(events: Iterable[FieldEvent], document: Json) -> list[Operation]:
    """Return the patch with appended characters: `{"op": "append", "path": …, "value": the characters}`."""
    return _operations(events, document, _append)


def _operations(
    events: Iterable[FieldEvent], document: Json, grow: Callable[[Json, FieldEvent], Operation]
) -> list[Operation]:
    operations: list[Operation] = []
    added: set[Field] = set()
    for event in events:
        field = event.field
        if field.replaced or field in added:
            continue
        if event.change in (ChangeType.OPENED, ChangeType.REPLACED):
            if field.type in CONTAINERS:
                value: Json = {} if field.type is JsonType.OBJECT else []
            else:
                value = _value_at(document, field)
                added.add(field)
            operations.append({"op": "add", "path": field.pointer, "value": value})
        elif event.change is ChangeType.EXTENDED:
            operations.append(grow(document, event))
    return operations


def _replace(document: Json, event: FieldEvent) -> Operation:
    return {"op": "replace", "path": event.field.pointer, "value": _value_at(document, event.field)}


def _append(document: Json, event: FieldEvent) -> Operation:
    if event.field.type is JsonType.STRING:
        return {"op": "append", "path": event.field.pointer, "value": event.value}
    return _replace(document, event)


def _value_at(document: Any, field: Field) -> Any:
    for key in field.keys:
        document = document[key]
    return document

"""Outline of a growing JSON document: rows with each field, its state, and the fields that the schema still expects."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from weir.partial_json.fields import CONTAINERS, Field, Json, JsonType, State, Validity
from weir.partial_json.parser import PartialJson

PREVIEW = 60
"""Maximal characters of a value in a row. Of a growing string, the last ones."""
LAST_CHILDREN = 3
"""Number of children shown of each open container in a long document: the last ones."""


class Stage(Enum):
    """State of a field as shown. The value is its label."""

    ABSENT = "absent"
    GROWING = "growing"
    CLOSED = "closed"
    VALID = "valid"
    INVALID = "invalid"


@dataclass(frozen=True, slots=True)
class OutlineRow:
    """One row of the outline. `pointer` is None for a row that represents several fields or an absent one."""

    depth: int
    key: str
    preview: str
    stage: Stage
    pointer: str | None
    problem: str = ""


def stage(field: Field) -> Stage:
    """Return the state of a field as shown."""
    if field.validity is Validity.INVALID:
        return Stage.INVALID
    if field.validity is Validity.VALID:
        return Stage.VALID
    return Stage.GROWING if field.state is State.GROWING else Stage.CLOSED


def outline(parser: PartialJson, schema: dict[str, Any] | None = None, *, limit: int) -> list[OutlineRow]:
    """Return the rows of the document so far: all, or those near its end if there are more than `limit`.

    In a long document a closed container is one row, and an open one shows its last children.
    """
    root = parser.fields.get("")
    if root is None:
        return [OutlineRow(0, "", "", Stage.ABSENT, "")]
    count = sum(1 for _, _ in zip(range(limit + 1), root.walk(), strict=False))
    return list(_rows(root, parser.value, "", 0, schema or {}, schema or {}, short=count > limit))


def _rows(
    field: Field, value: Json, key: str, depth: int, schema: dict[str, Any], root: dict[str, Any], *, short: bool
) -> Iterator[OutlineRow]:
    schema = _resolved(schema, root)
    yield OutlineRow(depth, key, _preview(field, value), stage(field), field.pointer, field.problem or "")
    if field.type not in CONTAINERS or (short and field.state is State.CLOSED):
        return
    children: Sequence[Field] = list(field.children.values())
    skipped = max(0, len(children) - LAST_CHILDREN) if short else 0
    if skipped:
        yield OutlineRow(depth + 1, "…", f"{skipped:,} before", Stage.CLOSED, None)
    parts: Any = value
    for child in children[skipped:]:
        inner = parts[child.key]
        yield from _rows(child, inner, str(child.key), depth + 1, _child_schema(schema, child), root, short=short)
    if field.type is JsonType.OBJECT and field.state is State.GROWING:
        for name in schema.get("properties", ()):
            if name not in field.children:
                yield OutlineRow(depth + 1, name, "", Stage.ABSENT, None)


def _child_schema(schema: dict[str, Any], child: Field) -> dict[str, Any]:
    inner = schema.get("items") if isinstance(child.key, int) else schema.get("properties", {}).get(child.key)
    return inner if isinstance(inner, dict) else {}


def _resolved(schema: dict[str, Any], root: dict[str, Any]) -> dict[str, Any]:
    """Follow one reference to `$defs`. Absent fields of other references and keywords are not shown."""
    name = schema.get("$ref")
    if not isinstance(name, str) or not name.startswith("#/$defs/"):
        return schema
    definition = root.get("$defs", {}).get(name.removeprefix("#/$defs/"))
    return definition if isinstance(definition, dict) else {}


def _preview(field: Field, value: Json) -> str:
    if isinstance(value, dict):
        return f"{{ {len(value):,} }}"
    if isinstance(value, list):
        return f"[ {len(value):,} ]"
    if isinstance(value, str):
        if len(value) <= PREVIEW:
            return f'"{value}"'
        growing = field.state is State.GROWING
        return f'"…{value[-PREVIEW:]}"' if growing else f'"{value[:PREVIEW]}…"'
    return json.dumps(value)

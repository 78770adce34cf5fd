"""The rows in which a person sees a growing JSON document: each field with its state, and what is still to come."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from weir.partial_json.fields import CONTAINERS, Field, Json, JsonType, State, Validity
from weir.partial_json.parser import PartialJson

PREVIEW = 60
"""Characters of a value; of a growing string the last ones."""
KEPT = 3
"""Of a long document, the children shown of each open container: the last ones."""


class Stage(Enum):
    """What a person is told of a field. The value is its label."""

    ABSENT = "absent"
    GROWING = "growing"
    CLOSED = "closed"
    VALID = "valid"
    INVALID = "invalid"


@dataclass(frozen=True, slots=True)
class OutlineRow:
    """One line of the outline. `pointer` is None for a line that stands for several fields."""

    depth: int
    key: str
    preview: str
    stage: Stage
    pointer: str | None
    problem: str = ""


def stage(field: Field) -> Stage:
    """Return what a person is told of a field."""
    if field.verdict is Validity.INVALID:
        return Stage.INVALID
    if field.verdict is Validity.VALID:
        return Stage.VALID
    return Stage.GROWING if field.state is State.GROWING else Stage.CLOSED


def outline(parser: PartialJson, schema: dict[str, Any] | None = None, *, limit: int) -> list[OutlineRow]:
    """Return the rows of the document so far: all of them, or where that is more than `limit` those near its end.

    Of a long document closed containers are one row each, and of open ones the last children are shown.
    """
    root = parser.fields.get("")
    if root is None:
        return [OutlineRow(0, "", "", Stage.ABSENT, "")]
    counted = sum(1 for _, _ in zip(range(limit + 1), root.walk(), strict=False))
    return list(_rows(root, parser.value, "", 0, schema or {}, schema or {}, short=counted > limit))


def _rows(
    field: Field, value: Json, key: str, depth: int, schema: dict[str, Any], root: dict[str, Any], *, short: bool
) -> Iterator[OutlineRow]:
    schema = _resolved(schema, root)
    yield OutlineRow(depth, key, _preview(field, value), stage(field), field.pointer, field.problem or "")
    if field.type not in CONTAINERS or (short and field.state is State.CLOSED):
        return
    children: Sequence[Field] = list(field.children.values())
    left_out = max(0, len(children) - KEPT) if short else 0
    if left_out:
        yield OutlineRow(depth + 1, "…", f"{left_out:,} before", Stage.CLOSED, None)
    parts: Any = value
    for child in children[left_out:]:
        inner = parts[child.key]
        yield from _rows(child, inner, str(child.key), depth + 1, _below(schema, child), root, short=short)
    if field.type is JsonType.OBJECT and field.state is State.GROWING:
        for name in schema.get("properties", ()):
            if name not in field.children:
                yield OutlineRow(depth + 1, name, "", Stage.ABSENT, None)


def _below(schema: dict[str, Any], child: Field) -> dict[str, Any]:
    found = schema.get("items") if isinstance(child.key, int) else schema.get("properties", {}).get(child.key)
    return found if isinstance(found, dict) else {}


def _resolved(schema: dict[str, Any], root: dict[str, Any]) -> dict[str, Any]:
    """Follow one reference into the schema's own definitions; what else there is shows no absent fields."""
    name = schema.get("$ref")
    if not isinstance(name, str) or not name.startswith("#/$defs/"):
        return schema
    found = root.get("$defs", {}).get(name.removeprefix("#/$defs/"))
    return found if isinstance(found, dict) else {}


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

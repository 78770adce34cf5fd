"""JSON diff: what makes one JSON value of another, as operations with JSON Pointers (RFC 6901)."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any


class DiffKind(Enum):
    """What happened at a place. The value is the operation's name in JSON Patch (RFC 6902)."""

    ADD = "add"
    REPLACE = "replace"
    REMOVE = "remove"


@dataclass(frozen=True, slots=True)
class Difference:
    """One place in which two values differ."""

    kind: DiffKind
    pointer: str
    """JSON Pointer of the place; empty for the whole value."""
    before: Any = None
    after: Any = None


def differences(before: Any, after: Any) -> Iterator[Difference]:
    """Yield what differs, in the order of the document. Lists are compared place by place.

    What is added or removed as a whole is one difference, however much is in it.
    """
    pending: list[tuple[str, Any, Any]] = [("", before, after)]
    while pending:
        pointer, one, other = pending.pop()
        if isinstance(one, dict) and isinstance(other, dict):
            keys = [*one, *(key for key in other if key not in one)]
            inner = [(f"{pointer}/{_escaped(key)}", one.get(key, _ABSENT), other.get(key, _ABSENT)) for key in keys]
        elif isinstance(one, list) and isinstance(other, list):
            length = max(len(one), len(other))
            inner = [(f"{pointer}/{index}", _item(one, index), _item(other, index)) for index in range(length)]
        else:
            if one is _ABSENT:
                yield Difference(DiffKind.ADD, pointer, after=other)
            elif other is _ABSENT:
                yield Difference(DiffKind.REMOVE, pointer, before=one)
            elif one != other or type(one) is not type(other):
                yield Difference(DiffKind.REPLACE, pointer, one, other)
            continue
        pending += reversed(inner)


_ABSENT: Any = object()


def _item(items: list[Any], index: int) -> Any:
    return items[index] if index < len(items) else _ABSENT


def _escaped(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")

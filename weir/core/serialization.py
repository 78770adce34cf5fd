"""Any value a Runnable can emit, as compact JSON bytes.

LangChain events hold live objects: messages, prompt values, documents, exceptions, Pydantic models. A record
keeps plain JSON instead, so that it can be shown, sent, saved and compared without importing what made it.
Messages keep their own field names; fields that are empty are left out.
"""

import dataclasses
import json
import math
from collections.abc import Mapping
from typing import Any, TypeAlias

import orjson
from langchain_core.documents import Document
from langchain_core.messages import BaseMessage
from langchain_core.prompt_values import PromptValue
from pydantic import BaseModel

JSON: TypeAlias = "None | bool | int | float | str | list[JSON] | dict[str, JSON]"

MAX_DEPTH = 100
"""Nesting beyond this is replaced by its `repr`: no viewer, and no JSON reader, needs to follow it."""

MAX_BITS = 14_000
"""Of an integer that is written: Python refuses to read, or to write, more than 4,300 digits."""

MAX_REPR = 500
"""Characters kept of the `repr` of a value that has no JSON form."""

_FAST = orjson.OPT_NON_STR_KEYS | orjson.OPT_PASSTHROUGH_SUBCLASS | orjson.OPT_PASSTHROUGH_DATACLASS


def dumps(value: Any) -> bytes:
    """Return `value` as compact UTF-8 JSON. Never raises: what has no JSON form becomes its type and `repr`.

    NaN and the infinities become null, as JSON has no word for them.
    """
    try:
        # The copy is for memory: orjson leaves its whole buffer, some 4 kB, behind the bytes that it returns.
        return bytes(memoryview(orjson.dumps(value, default=_default, option=_FAST)))
    except (TypeError, ValueError, RecursionError):
        # Lone surrogates, integers over 64 bits and deep nesting: rare, and the standard library takes them.
        return json.dumps(to_jsonable(value), ensure_ascii=True, separators=(",", ":")).encode()


def loads(payload: bytes) -> Any:
    """Read what `dumps` wrote; integers of more than 64 bits become floats. Raises ValueError or RecursionError."""
    try:
        return orjson.loads(payload)
    except orjson.JSONDecodeError:
        return loads_big_ints(payload)


def loads_big_ints(payload: bytes) -> Any:
    """Read what `dumps` wrote, integers of any size too, more slowly. Raises ValueError or RecursionError."""
    return json.loads(payload, parse_constant=_refuse)


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def check_depth(value: Any) -> None:
    """Raise ValueError for a read value that is nested more deeply than `dumps` writes it, with its envelope."""
    pending = [(value, 0)]
    while pending:
        item, depth = pending.pop()
        if depth > MAX_DEPTH + 5:
            raise ValueError("nested too deeply")
        if isinstance(item, dict):
            pending.extend((child, depth + 1) for child in item.values() if isinstance(child, dict | list))
        elif isinstance(item, list):
            pending.extend((child, depth + 1) for child in item if isinstance(child, dict | list))


def to_jsonable(value: Any) -> JSON:
    """Return `value` built of dicts with string keys, lists, strings, finite numbers, booleans and None."""
    return _plain(value, 0, set())


def _plain(value: Any, depth: int, around: set[int]) -> JSON:
    """`plain`; `around` has the ids of what the value stands in. What stands in itself is not followed again."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, int):
        return int(value) if value.bit_length() <= MAX_BITS else _described(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if depth >= MAX_DEPTH or id(value) in around:
        return _described(value)
    around.add(id(value))
    try:
        if isinstance(value, dict):
            return {_key(key): _plain(item, depth + 1, around) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [_plain(item, depth + 1, around) for item in value]
        return _plain(_default(value), depth + 1, around)
    except Exception:  # raised by the value's own code
        return _described(value)
    finally:
        around.discard(id(value))


def is_plain(value: Any) -> bool:
    """Whether a value is built of JSON's own types alone, none nested more deeply than `dumps` writes it."""
    pending = [(value, 0)]
    while pending:
        item, depth = pending.pop()
        if type(item) is dict and depth < MAX_DEPTH and all(type(key) is str for key in item):
            pending.extend((child, depth + 1) for child in item.values())
        elif type(item) is list and depth < MAX_DEPTH:
            pending.extend((child, depth + 1) for child in item)
        elif type(item) is float:
            if not math.isfinite(item):
                return False
        elif item is not None and type(item) not in (str, int, bool):
            return False
    return True


def _key(key: Any) -> str:
    try:
        return str(key)
    except Exception:
        return type(key).__name__


def _default(value: Any) -> Any:
    """One step from an object towards JSON."""
    if isinstance(value, BaseMessage):
        fields = {key: item for key, item in value.__dict__.items() if item or key == "content"}
        return {"type": value.type, **fields}
    if isinstance(value, PromptValue):
        return {"messages": value.to_messages()}
    if isinstance(value, Document):
        return {"page_content": value.page_content, "metadata": value.metadata}
    if isinstance(value, BaseException):
        return {"type": type(value).__name__, "message": str(value)}
    if isinstance(value, BaseModel):
        return dict(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, list | tuple):
        return list(value)
    if isinstance(value, set | frozenset):
        return sorted(value, key=repr)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    for base in (str, int, float):
        if isinstance(value, base):
            return base(value)
    return _described(value)


def _described(value: Any) -> dict[str, JSON]:
    try:
        text = repr(value)
    except Exception as error:
        text = f"<{type(value).__name__} whose repr raised {type(error).__name__}>"
    return {"type": type(value).__name__, "repr": text[:MAX_REPR]}


def replace_lone_surrogates(text: str) -> str:
    """Return text that UTF-8 can carry: halves of a pair, which JSON can hold, become replacement characters."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def indented(value: Any) -> str:
    """Return a read value as JSON of many lines that UTF-8 can carry, for people."""
    try:
        return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
    except (TypeError, ValueError, RecursionError):
        return json.dumps(to_jsonable(value), indent=2)


def sendable(value: Any) -> Any:
    """Return a read value whose texts UTF-8 can carry."""
    return json.loads(replace_lone_surrogates(json.dumps(to_jsonable(value), ensure_ascii=False)))

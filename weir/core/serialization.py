"""JSON serialization of any value that a Runnable can emit.

LangChain events hold live objects: messages, prompt values, documents, exceptions, Pydantic models. A run's record
holds JSON instead, so that it can be shown, sent, saved and compared without importing the code that made the objects.
Messages keep LangChain's field names; empty fields are left out.
"""

import dataclasses
import functools
import json
import math
from collections.abc import Mapping
from typing import Any, TypeAlias

import orjson
from pydantic import BaseModel

JSON: TypeAlias = "None | bool | int | float | str | list[JSON] | dict[str, JSON]"

MAX_DEPTH = 100
"""Values nested more deeply are replaced by their `repr`, so that JSON readers and viewers can follow the rest."""

MAX_BITS = 14_000
"""Bits of an integer that is written. Python refuses to read or write integers of more than 4,300 digits."""

MAX_IMAGE_DATA = 2_000
"""Characters of an image's data in a question that are written."""

MAX_REPR = 500
"""Characters of the `repr` that replaces a value without a JSON form."""

_FAST = orjson.OPT_NON_STR_KEYS | orjson.OPT_PASSTHROUGH_SUBCLASS | orjson.OPT_PASSTHROUGH_DATACLASS


def dumps(value: Any) -> bytes:
    """Return `value` as compact UTF-8 JSON. Never raises: a value without a JSON form becomes its type and `repr`.

    NaN and the infinities become null, as JSON cannot express them.
    """
    try:
        # The copy saves memory: the bytes that orjson returns keep its whole buffer of some 4 kB.
        return bytes(memoryview(orjson.dumps(value, default=_default, option=_FAST)))
    except (TypeError, ValueError, RecursionError):
        # Lone surrogates, integers of more than 64 bits and deep nesting: rare, and accepted by the standard library.
        return json.dumps(to_jsonable(value), ensure_ascii=True, separators=(",", ":")).encode()


def loads(payload: bytes) -> Any:
    """Parse JSON; integers of more than 64 bits become floats. Raises ValueError or RecursionError."""
    try:
        return orjson.loads(payload)
    except orjson.JSONDecodeError:
        return loads_big_ints(payload)


def loads_big_ints(payload: bytes) -> Any:
    """Parse JSON with integers of any size, more slowly than `loads`. Raises ValueError or RecursionError."""
    return json.loads(payload, parse_constant=_reject_constant)


def _reject_constant(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def check_depth(value: Any) -> None:
    """Raise ValueError if a parsed line is nested more deeply than `dumps` writes an event and its envelope."""
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
    """Return `value` as dicts with string keys, lists, strings, finite numbers, booleans and None."""
    return _to_jsonable(value, 0, set())


def _to_jsonable(value: Any, depth: int, ancestors: set[int]) -> JSON:
    """Convert one value of `to_jsonable`. `ancestors` has the ids of the containers around it, to detect cycles."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, int):
        return int(value) if value.bit_length() <= MAX_BITS else _type_and_repr(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if depth >= MAX_DEPTH or id(value) in ancestors:
        return _type_and_repr(value)
    ancestors.add(id(value))
    try:
        if isinstance(value, dict):
            return {_key(key): _to_jsonable(item, depth + 1, ancestors) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [_to_jsonable(item, depth + 1, ancestors) for item in value]
        return _to_jsonable(_default(value), depth + 1, ancestors)
    except Exception:  # raised by the value's own code
        return _type_and_repr(value)
    finally:
        ancestors.discard(id(value))


def is_plain(value: Any) -> bool:
    """Whether a value consists of JSON's types only, nested no more deeply than `dumps` writes."""
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
    """Convert an object one level towards JSON, as the `default` of `json` and orjson does."""
    message, prompt_value, document = _langchain_types()
    if isinstance(value, message):
        fields = {key: item for key, item in value.__dict__.items() if item or key == "content"}
        if value.type == "human" and isinstance(value.content, list):
            fields["content"] = [without_image_data(block) for block in value.content]
        return {"type": value.type, **fields}
    if isinstance(value, prompt_value):
        return {"messages": value.to_messages()}
    if isinstance(value, document):
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
    return _type_and_repr(value)


def without_image_data(block: Any) -> Any:
    """Return a content block of a question, with a text in place of a large image: each step would repeat its data."""
    if not isinstance(block, dict) or block.get("type") not in ("image", "image_url"):
        return block
    data, linked = block.get("base64") or block.get("data"), block.get("image_url")
    url = linked.get("url") if isinstance(linked, dict) else linked
    if isinstance(url, str) and url.startswith("data:"):
        data = url
    if not isinstance(data, str) or len(data) <= MAX_IMAGE_DATA:
        return block
    kind = block.get("mime_type") or (data[5:100].partition(";")[0] if data.startswith("data:") else "image")
    return {"type": "text", "text": f"[{kind}, {len(data) * 3 // 4000} kB, left out of the record]"}


@functools.cache
def _langchain_types() -> tuple[type[Any], ...]:
    """Return LangChain's types of messages, prompts and documents.

    They are imported at the first object that is no JSON: recordings have none, and reading them must not take the half
    second that LangChain's import takes.
    """
    from langchain_core.documents import Document
    from langchain_core.messages import BaseMessage
    from langchain_core.prompt_values import PromptValue

    return BaseMessage, PromptValue, Document


def _type_and_repr(value: Any) -> dict[str, JSON]:
    try:
        text = repr(value)
    except Exception as error:
        text = f"<{type(value).__name__} whose repr raised {type(error).__name__}>"
    return {"type": type(value).__name__, "repr": text[:MAX_REPR]}


def replace_lone_surrogates(text: str) -> str:
    """Return text that can be encoded as UTF-8. Lone surrogates, which JSON can hold, become replacement characters."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def indented(value: Any) -> str:
    """Return a parsed value as indented JSON for people. The text can be encoded as UTF-8."""
    try:
        return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
    except (TypeError, ValueError, RecursionError):
        return json.dumps(to_jsonable(value), indent=2)


def dumps_utf8_safe(value: Any) -> bytes:
    """Return a parsed value as compact JSON whose texts can all be encoded as UTF-8 (`to_utf8_safe`)."""
    try:
        return orjson.dumps(value)
    except (TypeError, ValueError, RecursionError):
        return dumps(to_utf8_safe(value))


def to_utf8_safe(value: Any) -> Any:
    """Return a parsed value whose texts can all be encoded as UTF-8."""
    return json.loads(replace_lone_surrogates(json.dumps(to_jsonable(value), ensure_ascii=False)))

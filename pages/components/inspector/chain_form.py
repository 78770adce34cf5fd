"""A chain's input as a form made from its JSON Schema, or as JSON."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import streamlit as st

from chains.registry import MAX_TEXT
from weir.llm.chain_registry import ChainSpec

FORM, AS_JSON = "Form", "JSON"


@dataclass(frozen=True, slots=True)
class Field:
    """One property of a chain's input."""

    name: str
    schema: dict[str, Any]
    required: bool

    @property
    def label(self) -> str:
        """The property's name, as people write it."""
        return self.name.replace("_", " ").capitalize()

    @property
    def type(self) -> str | None:
        found = self.schema.get("type")
        return found if isinstance(found, str) else None

    @property
    def is_text(self) -> bool:
        """Whether it is free text."""
        return self.type == "string" and "enum" not in self.schema

    @property
    def example(self) -> Any:
        """A default or an example, else None."""
        examples = self.schema.get("examples") or [None]
        return self.schema.get("default", examples[0])


def fields(schema: dict[str, Any]) -> list[Field]:
    """Return the properties of an object's schema; none for any other."""
    required = schema.get("required", ())
    properties = schema.get("properties")
    if not isinstance(properties, dict):
        return []
    return [Field(name, _resolved(schema, about), name in required) for name, about in properties.items()]


def _resolved(root: dict[str, Any], about: Any) -> dict[str, Any]:
    """Return a property's schema with what its reference within the document points to."""
    if not isinstance(about, dict):
        return {}
    name = str(about.get("$ref", "")).removeprefix("#/$defs/")
    target = root.get("$defs", {}).get(name)
    return {**target, **{key: value for key, value in about.items() if key != "$ref"}} if target else about


def main_field(schema: dict[str, Any]) -> Field | None:
    """Return the first text field: what is typed at the bottom of the page goes there."""
    found = [field for field in fields(schema) if field.is_text]
    return next((field for field in found if field.required), found[0] if found else None)


def takes_text(schema: dict[str, Any]) -> bool:
    """Whether the whole input is a text."""
    return schema.get("type") == "string" or any(part.get("type") == "string" for part in schema.get("anyOf", ()))


def example(schema: dict[str, Any]) -> Any:
    """Return an input to begin with."""
    if found := fields(schema):
        blanks = {"string": "", "integer": 0, "number": 0.0, "boolean": False, "array": [], "object": {}}
        return {
            field.name: field.example if field.example is not None else blanks.get(field.type or "")
            for field in found
            if field.required or field.example is not None
        }
    return "" if takes_text(schema) else {}


def given(chain: ChainSpec, schema: dict[str, Any], text: str) -> Any:
    """Return the input that a text from the bottom of the page makes. Raises ValueError where it makes none."""
    main = main_field(schema)
    if main is not None:
        return {**_values(chain, [field for field in fields(schema) if field.name != main.name]), main.name: text}
    if takes_text(schema):
        return text
    return json.loads(text)


def draw_form(chain: ChainSpec, schema: dict[str, Any], send: Callable[[], None]) -> Any:
    """Draw the form and return the input that it holds, None where it holds none; `send` is called to run it."""
    way = FORM
    if fields(schema):
        way = st.segmented_control(
            "Input as",
            [FORM, AS_JSON],
            default=FORM,
            required=True,
            key=f"events_way_{chain.name}",
            label_visibility="collapsed",
        )
    else:
        way = AS_JSON
    value = _draw_fields(chain, schema) if way == FORM else _draw_json(chain, schema)
    st.button(
        "Run",
        icon=":material/play_arrow:",
        type="primary",
        key=f"events_send_{chain.name}",
        on_click=send,
        disabled=value is None,
    )
    return value


def _key(chain: ChainSpec, field: Field) -> str:
    return f"events_in_{chain.name}_{field.name}"


def _values(chain: ChainSpec, of: list[Field]) -> dict[str, Any]:
    """Return what the form holds for these fields, as far as it was filled in."""
    return {field.name: value for field in of if (value := _value(chain, field)) not in (None, "")}


def _value(chain: ChainSpec, field: Field) -> Any:
    held = st.session_state.get(_key(chain, field), field.example)
    if field.type in ("string", "integer", "number", "boolean") or "enum" in field.schema or not isinstance(held, str):
        return held
    try:
        return json.loads(held) if held.strip() else None
    except ValueError:
        return None


def _draw_fields(chain: ChainSpec, schema: dict[str, Any]) -> dict[str, Any]:
    found = fields(schema)
    for field in found:
        _draw_field(chain, field)
    return _values(chain, found)


def _draw_field(chain: ChainSpec, field: Field) -> None:
    key, about = _key(chain, field), field.schema
    told = about.get("description")
    if "enum" in about:
        st.segmented_control(field.label, about["enum"], default=field.example, key=key, help=told, wrap=True)
    elif field.type == "string":
        st.text_area(field.label, value=field.example or "", key=key, help=told, max_chars=MAX_TEXT, height=80)
    elif field.type in ("integer", "number"):
        step = 1 if field.type == "integer" else None
        st.number_input(
            field.label,
            value=field.example,
            key=key,
            help=told,
            step=step,
            min_value=about.get("minimum"),
            max_value=about.get("maximum"),
        )
    elif field.type == "boolean":
        st.toggle(field.label, value=bool(field.example), key=key, help=told)
    else:
        held = json.dumps(field.example, ensure_ascii=False) if field.example is not None else ""
        text = st.text_area(f"{field.label} (JSON)", value=held, key=key, help=told, height=80)
        _say_if_not_json(text)


def _draw_json(chain: ChainSpec, schema: dict[str, Any]) -> Any:
    shown = json.dumps(example(schema), indent=2, ensure_ascii=False)
    text = st.text_area("Input (JSON)", value=shown, key=f"events_json_{chain.name}", height=180)
    return json.loads(text) if _say_if_not_json(text) else None


def _say_if_not_json(text: str) -> bool:
    """Return whether a text is JSON, and say where it is not."""
    if not text.strip():
        return False
    try:
        json.loads(text)
    except ValueError as error:
        st.caption(f":material/error: This is not JSON yet: {error}")
        return False
    return True

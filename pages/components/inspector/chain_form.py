"""The form of a chain's input, generated from its JSON Schema, and the same input as JSON."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import streamlit as st

from chains.registry import MAX_TEXT
from pages.components.inspector.options_form import draw_options
from pages.components.layout.translation import N_, _
from pages.components.layout.weir_sentences import translated
from weir.llm.chain_registry import ChainSpec

FORM, AS_JSON = N_("Form"), "JSON"


@dataclass(frozen=True, slots=True)
class Field:
    """One property of a chain's input."""

    name: str
    schema: dict[str, Any]
    required: bool

    @property
    def name_in_words(self) -> str:
        """The property's name with blanks and a capital."""
        return self.name.replace("_", " ").capitalize()

    @property
    def label(self) -> str:
        """The same in the language of the page, where Weir knows the word."""
        return translated(self.name_in_words)

    @property
    def type(self) -> str | None:
        """The schema's type, if it is one."""
        schema_type = self.schema.get("type")
        return schema_type if isinstance(schema_type, str) else None

    @property
    def is_text(self) -> bool:
        """Whether any text is valid."""
        return self.type == "string" and "enum" not in self.schema

    @property
    def example(self) -> Any:
        """A default or an example, else None."""
        examples = self.schema.get("examples") or [None]
        return self.schema.get("default", examples[0])


def fields(schema: dict[str, Any]) -> list[Field]:
    """Return the properties of an object's schema; an empty list for any other schema."""
    required = schema.get("required", ())
    properties = schema.get("properties")
    if not isinstance(properties, dict):
        return []
    return [Field(name, _resolve(schema, part), name in required) for name, part in properties.items()]


def _resolve(root: dict[str, Any], schema: Any) -> dict[str, Any]:
    """Return a property's schema with its reference (`#/$defs/…`) resolved."""
    if not isinstance(schema, dict):
        return {}
    name = str(schema.get("$ref", "")).removeprefix("#/$defs/")
    target = root.get("$defs", {}).get(name)
    return {**target, **{key: value for key, value in schema.items() if key != "$ref"}} if target else schema


def main_field(schema: dict[str, Any]) -> Field | None:
    """Return the first required text field, else the first text field: it takes what is typed at the page's bottom."""
    texts = [field for field in fields(schema) if field.is_text]
    return next((field for field in texts if field.required), texts[0] if texts else None)


def takes_text(schema: dict[str, Any]) -> bool:
    """Whether the input as a whole is a text."""
    return schema.get("type") == "string" or any(part.get("type") == "string" for part in schema.get("anyOf", ()))


def example(schema: dict[str, Any]) -> Any:
    """Return an input to start from: the examples, and blanks for the other required fields."""
    if properties := fields(schema):
        blanks = {"string": "", "integer": 0, "number": 0.0, "boolean": False, "array": [], "object": {}}
        return {
            field.name: field.example if field.example is not None else blanks.get(field.type or "")
            for field in properties
            if field.required or field.example is not None
        }
    return "" if takes_text(schema) else {}


def input_label(chain: ChainSpec) -> str:
    """Return the placeholder of the input at the page's bottom."""
    main = main_field(chain.input_model.model_json_schema())
    label = main.label if main else _("Input")
    return _("{field} for {chain}").format(field=label, chain=chain.name)


def input_of_text(chain: ChainSpec, text: str) -> Any:
    """Return the input for a text that was typed at the page's bottom; the form has the other fields.

    Raises ValueError if the chain takes JSON and the text is not JSON.
    """
    schema = chain.input_model.model_json_schema()
    main = main_field(schema)
    if main is not None:
        return {**_values(chain, [field for field in fields(schema) if field.name != main.name]), main.name: text}
    if takes_text(schema):
        return text
    return json.loads(text)


def fill_in(chain: ChainSpec, text: str) -> None:
    """Fill the form with JSON from the address (`?input=…`), unless the visitor has filled it in already."""
    st.session_state.setdefault(f"events_way_{chain.name}", AS_JSON)
    st.session_state.setdefault(f"events_json_{chain.name}", text)


def draw_form(chain: ChainSpec, *, send: Callable[[], None]) -> tuple[Any, dict[str, Any]]:
    """Draw the form and return its input, or None while that is not valid JSON, and the options of a graph.

    *Run* calls `send`.
    """
    schema = chain.input_model.model_json_schema()
    mode = AS_JSON
    if fields(schema):
        mode = st.segmented_control(
            _("Input as"),
            [FORM, AS_JSON],
            format_func=_,
            default=FORM,
            required=True,
            key=f"events_way_{chain.name}",
            label_visibility="collapsed",
        )
    value = _draw_fields(chain, schema) if mode == FORM else _draw_json(chain, schema)
    options = draw_options()
    st.button(
        _("Run"),
        icon=":material/play_arrow:",
        type="primary",
        key=f"events_send_{chain.name}",
        on_click=send,
        disabled=value is None or options is None,
    )
    return value, options or {}


def _key(chain: ChainSpec, field: Field) -> str:
    return f"events_in_{chain.name}_{field.name}"


def _values(chain: ChainSpec, of: list[Field]) -> dict[str, Any]:
    """Return the values of these fields, without the empty ones."""
    return {field.name: value for field in of if (value := _value(chain, field)) not in (None, "")}


def _value(chain: ChainSpec, field: Field) -> Any:
    content = st.session_state.get(_key(chain, field), field.example)
    is_plain = field.type in ("string", "integer", "number", "boolean") or "enum" in field.schema
    if is_plain or not isinstance(content, str):
        return content
    try:
        return json.loads(content) if content.strip() else None
    except ValueError:
        return None


def _draw_fields(chain: ChainSpec, schema: dict[str, Any]) -> dict[str, Any]:
    properties = fields(schema)
    for field in properties:
        _draw_field(chain, field)
    return _values(chain, properties)


def _draw_field(chain: ChainSpec, field: Field) -> None:
    key, schema = _key(chain, field), field.schema
    description = translated(schema.get("description") or "") or None
    if "enum" in schema:
        st.segmented_control(field.label, schema["enum"], default=field.example, key=key, help=description, wrap=True)
    elif field.type == "string":
        st.text_area(field.label, value=field.example or "", key=key, help=description, max_chars=MAX_TEXT, height=80)
    elif field.type in ("integer", "number"):
        step = 1 if field.type == "integer" else None
        st.number_input(
            field.label,
            value=field.example,
            key=key,
            help=description,
            step=step,
            min_value=schema.get("minimum"),
            max_value=schema.get("maximum"),
        )
    elif field.type == "boolean":
        st.toggle(field.label, value=bool(field.example), key=key, help=description)
    else:
        content = json.dumps(field.example, ensure_ascii=False) if field.example is not None else ""
        text = st.text_area(
            _("{label} (JSON)").format(label=field.label), value=content, key=key, help=description, height=80
        )
        _check_json(text)


def _draw_json(chain: ChainSpec, schema: dict[str, Any]) -> Any:
    default = json.dumps(example(schema), indent=2, ensure_ascii=False)
    text = st.text_area(_("Input (JSON)"), value=default, key=f"events_json_{chain.name}", height=180)
    return json.loads(text) if _check_json(text) else None


def _check_json(text: str) -> bool:
    """Return whether a text is JSON; if not, show where it fails."""
    if not text.strip():
        return False
    try:
        json.loads(text)
    except ValueError as error:
        st.caption(_(":material/error: This is not JSON yet: {error}").format(error=error))
        return False
    return True

from typing import Any

import pytest

from chains.registry import REGISTRY
from pages.components.inspector.chain_form import example, fields, main_field, takes_text

SCHEMA: dict[str, Any] = {
    "type": "object",
    "$defs": {"Tone": {"type": "string", "enum": ["warm", "cold"]}},
    "properties": {
        "tone": {"$ref": "#/$defs/Tone", "default": "warm", "description": "How"},
        "topic": {"type": "string", "examples": ["rain"]},
        "note": {"type": "string"},
        "count": {"type": "integer", "minimum": 1},
        "loud": {"type": "boolean", "default": False},
    },
    "required": ["topic", "count"],
}


def test_fields_resolve_references_and_keep_the_keys_beside_them() -> None:
    tone = fields(SCHEMA)[0]
    assert tone.schema["enum"] == ["warm", "cold"]
    assert (tone.example, tone.schema["description"], tone.is_text) == ("warm", "How", False)


def test_main_field_is_the_first_required_text() -> None:
    field = main_field(SCHEMA)
    assert field is not None
    assert field.name == "topic"
    assert main_field({"type": "array"}) is None


def test_example_has_required_fields_and_defaults() -> None:
    assert example(SCHEMA) == {"tone": "warm", "topic": "rain", "count": 0, "loud": False}
    assert example({"type": "string"}) == ""
    assert example({}) == {}


@pytest.mark.parametrize(
    ("schema", "text"),
    [({"type": "string"}, True), ({"anyOf": [{"type": "string"}]}, True), ({"type": "array"}, False)],
)
def test_takes_text_for_a_schema_of_text(schema: dict[str, Any], text: bool) -> None:
    assert takes_text(schema) is text


def test_example_is_valid_input_for_every_chain_of_the_registry() -> None:
    for chain in REGISTRY:
        schema = chain.input_model.model_json_schema()
        assert chain.input_model.model_validate(example(schema))
        assert main_field(schema) is not None

"""Structured output: a topic becomes JSON of a given schema, field by field."""

from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import Runnable

# Every string and list has a bound: a small model that is held to a schema by its grammar would go on for ever.
PROFILE: dict[str, Any] = {
    "title": "profile",
    "description": "What there is to know about a topic",
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 60},
        "kind": {"type": "string", "maxLength": 40},
        "summary": {"type": "string", "maxLength": 240},
        "facts": {"type": "array", "minItems": 1, "maxItems": 4, "items": {"type": "string", "maxLength": 100}},
        "difficulty": {"type": "integer", "minimum": 1, "maximum": 5},
    },
    "required": ["name", "kind", "summary", "facts", "difficulty"],
    "additionalProperties": False,
}

MAX_TOKENS = 600
"""Of one answer."""

PROMPT = ChatPromptTemplate.from_messages(
    [
        ("system", "Answer with JSON that fits the schema, and nothing else. Write in the language of the topic."),
        ("human", "Describe {topic}"),
    ]
)


def structured_chain(
    model: BaseChatModel, schema: dict[str, Any] = PROFILE
) -> Runnable[dict[str, Any], dict[str, Any]]:
    """Return the chain `{"topic"} -> dict`, which streams ever more of the dict."""
    # Not strict: OpenAI's strict mode refuses schemas with bounds.
    structured = model.with_structured_output(schema, method="json_schema", strict=False)
    return (PROMPT | structured).with_config(run_name="structured")  # type: ignore[return-value]

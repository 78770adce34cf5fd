"""Structured output: a topic becomes JSON of a given schema, by each of LangChain's ways to ask for it."""

import ast
from enum import StrEnum
from typing import Annotated, Any, Literal

from langchain_core.language_models import BaseChatModel
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import Runnable
from pydantic import BaseModel, ConfigDict, Field, create_model

from weir.llm.overrides.direct_str_parser import DirectStrOutputParser
from weir.llm.overrides.json_parser import LinearJsonOutputParser, with_json_schema

MAX_TOKENS = 600
"""Of one answer."""
MAX_STRING = 200
"""Characters of a string, and"""
MAX_ITEMS = 6
"""items of a list, where a schema of one's own has no bound: a small model held to it by its grammar never ends."""
MAX_LISTS = 4
"""Lists within lists, and"""
MAX_FIELDS = 40
"""fields, in a list of one's own."""


class StructuredMethod(StrEnum):
    """How LangChain is asked for JSON."""

    TEXT = "text, parsed by Weir"
    DICT = "dict schema"
    PYDANTIC = "Pydantic class"
    PARSER = "JsonOutputParser"

    @property
    def needs_schema(self) -> bool:
        """Whether the model is bound to the schema; else it reads it in its prompt."""
        return self is not StructuredMethod.PARSER

    @property
    def code(self) -> str:
        """The chain in one line."""
        return {
            StructuredMethod.TEXT: "prompt | model.bind(response_format=schema) | StrOutputParser()",
            StructuredMethod.DICT: 'prompt | model.with_structured_output(schema, method="json_schema")',
            StructuredMethod.PYDANTIC: 'prompt | model.with_structured_output(Profile, method="json_schema")',
            StructuredMethod.PARSER: "prompt | model | JsonOutputParser()",
        }[self]


class _Example(BaseModel):
    model_config = ConfigDict(extra="forbid")


# Every string and list has a bound, for the same reason as MAX_STRING.
ShortText = Annotated[str, Field(max_length=60)]
Sentence = Annotated[str, Field(max_length=200)]


class Profile(_Example):
    """What there is to know about a topic."""

    name: ShortText
    kind: Annotated[str, Field(max_length=40)]
    summary: Sentence
    facts: list[Annotated[str, Field(max_length=100)]] = Field(min_length=1, max_length=4)
    difficulty: int = Field(ge=1, le=5)


class Ingredient(_Example):
    """One ingredient of a recipe."""

    name: Annotated[str, Field(max_length=40)]
    grams: int = Field(ge=0, le=5_000)


class Recipe(_Example):
    """How to cook something."""

    title: ShortText
    servings: int = Field(ge=1, le=12)
    vegetarian: bool
    ingredients: list[Ingredient] = Field(min_length=1, max_length=5)
    steps: list[Annotated[str, Field(max_length=120)]] = Field(min_length=1, max_length=5)


class Review(_Example):
    """An opinion of a book, a film or a place."""

    title: ShortText
    verdict: Literal["good", "mixed", "bad"]
    stars: int = Field(ge=1, le=5)
    reason: Sentence


class Note(_Example):
    """A topic in one sentence, which is about what the packaged model gets right."""

    name: ShortText
    # A pattern, not a length: a small model that is held to a length stops in the middle of a sentence.
    summary: Annotated[str, Field(pattern=r'^[A-Z][^.\n"\\]{10,200}\.$', max_length=202)]


EXAMPLES: dict[str, type[BaseModel]] = {"Profile": Profile, "Recipe": Recipe, "Review": Review, "Note": Note}

PROMPT = ChatPromptTemplate.from_messages(
    [
        ("system", "Answer with JSON that fits the schema, and nothing else. Write in the language of the topic."),
        ("human", "Describe {topic}"),
    ]
)
PARSER_PROMPT = ChatPromptTemplate.from_messages(
    [
        ("system", "Answer with JSON that fits this JSON Schema, and nothing else:\n{schema}"),
        ("human", "Describe {topic}"),
    ]
)


def structured_chain(
    model: BaseChatModel,
    schema: dict[str, Any] | type[BaseModel] = Profile,
    method: StructuredMethod = StructuredMethod.DICT,
) -> Runnable[dict[str, Any], Any]:
    """Return the chain `{"topic"} -> dict`; -> str for `TEXT`; -> the class for `PYDANTIC`, which needs one."""
    form = schema if isinstance(schema, dict) else schema.model_json_schema()
    if method is StructuredMethod.PARSER:
        chain: Runnable[dict[str, Any], Any] = (
            PARSER_PROMPT.partial(schema=str(form)) | model | LinearJsonOutputParser()
        )
    elif method is StructuredMethod.PYDANTIC:
        chain = PROMPT | model.with_structured_output(schema, method="json_schema")
    elif method is StructuredMethod.TEXT:
        response_schema = {"name": "answer", "schema": form, "strict": False}
        bound = model.bind(response_format={"type": "json_schema", "json_schema": response_schema})
        chain = PROMPT | bound | DirectStrOutputParser()
    else:
        # Not strict: OpenAI's strict mode refuses schemas with bounds.
        titled = {"title": "answer", **form}
        chain = PROMPT | with_json_schema(model, titled, strict=False)
    return chain.with_config(run_name="structured")


def bounded(schema: Any) -> Any:
    """Return a JSON Schema in which each string and list has a bound."""
    if isinstance(schema, list):
        return [bounded(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    limited = {key: bounded(part) for key, part in schema.items()}
    if schema.get("type") == "string" and "enum" not in schema and "const" not in schema:
        limited.setdefault("maxLength", MAX_STRING)
    if schema.get("type") == "array":
        limited.setdefault("maxItems", MAX_ITEMS)
    return limited


class FieldListError(ValueError):
    """A list of fields that cannot be read. Its text is a sentence for people."""


_SCALARS: dict[str, Any] = {
    "str": Annotated[str, Field(max_length=MAX_STRING)],
    "int": int,
    "float": float,
    "bool": bool,
}


def class_of_fields(text: str) -> type[BaseModel]:
    """Return the Pydantic class of a list of fields, one a line, as a class's body has them.

    `name: str`, `tags: list[str]`, `stars: int | None`, `verdict: Literal["good", "bad"]`. Raises FieldListError.
    """
    try:
        lines = ast.parse("\n".join(line.strip() for line in text.splitlines())).body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise FieldListError(f"This is not a list of fields like `name: str`: {error}.") from None
    if not lines or len(lines) > MAX_FIELDS:
        raise FieldListError(f"Write 1 to {MAX_FIELDS} fields, one a line, like `name: str`.")
    found: dict[str, Any] = {}
    for line in lines:
        if not isinstance(line, ast.AnnAssign) or not isinstance(line.target, ast.Name) or line.value is not None:
            raise FieldListError(f"Line {line.lineno} is not a field like `name: str`.")
        name = line.target.id
        if name.startswith("_") or name.startswith("model_"):
            raise FieldListError(f"A field cannot be named {name}.")
        found[name] = (_type(line.annotation, 0), ...)
    made: type[BaseModel] = create_model("Answer", __config__=ConfigDict(extra="forbid"), **found)
    return made


def _type(node: ast.expr, depth: int) -> Any:
    if depth > MAX_LISTS:
        raise FieldListError(f"Line {node.lineno}: lists of lists only {MAX_LISTS} deep.")
    match node:
        case ast.Name(id=name) if name in _SCALARS:
            return _SCALARS[name]
        case ast.Subscript(value=ast.Name(id="list"), slice=inner):
            return Annotated[list[_type(inner, depth + 1)], Field(max_length=MAX_ITEMS)]  # type: ignore[misc]
        case ast.BinOp(left=left, op=ast.BitOr(), right=ast.Constant(value=None)):
            return _type(left, depth + 1) | None
        case ast.Subscript(value=ast.Name(id="Literal"), slice=inner):
            values = inner.elts if isinstance(inner, ast.Tuple) else [inner]
            if all(isinstance(value, ast.Constant) and isinstance(value.value, str | int) for value in values):
                return Literal[tuple(value.value for value in values if isinstance(value, ast.Constant))]
    raise FieldListError(
        f"Line {node.lineno}: `{ast.unparse(node)[:60]}` is not one of str, int, float, bool, list[…], Literal[…] "
        "or one of these with `| None`."
    )

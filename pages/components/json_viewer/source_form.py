"""The top of the JSON page: model or pasted text, the schema, LangChain's method, and the text to paste."""

from dataclasses import dataclass, replace
from typing import Any

import streamlit as st
from pydantic import BaseModel
from streamlit.delta_generator import DeltaGenerator

from chains.structured import EXAMPLES, StructuredMethod
from pages.components.json_viewer.json_source import Chunker, form_of, own_schema
from pages.components.json_viewer.json_state import JsonState, PastedText
from pages.components.layout import formatting
from pages.components.layout.translation import N_, _
from pages.components.layout.weir_sentences import translated
from weir.llm.provider import ModelProvider
from weir.partial_json.checked_schema import SchemaError
from weir.partial_json.parser import PartialJson

Schema = dict[str, Any] | type[BaseModel]

MODEL, PASTE = N_("A model"), N_("Pasted text")
SCHEMA_KEY = f"json_schema_{MODEL}"
"""In the session: the name of the schema for a model."""
OWN, NONE = N_("My own"), N_("None")
FIELDS = "name: str\nyear: int\ntags: list[str]\nverdict: Literal['good', 'bad']"
PASTED = '{"name": "Weir \\ud83c\\udf0a", "tags": ["stream", "gauge"], "height": 1.5e0, "open": true, "owner": null}'


@dataclass(frozen=True, slots=True)
class SourceChoice:
    """What the top of the page holds."""

    is_model: bool
    """Whether the JSON comes from a model; else it is pasted."""
    schema: Schema | None
    """Empty for no schema, None while it is not valid or does not fit the method."""
    method: StructuredMethod


def draw_source_choice() -> SourceChoice:
    """Draw where the JSON comes from, its schema and, for a model, LangChain's method."""
    kind = st.segmented_control(
        _("From"),
        [MODEL, PASTE],
        format_func=_,
        default=MODEL,
        required=True,
        key="json_kind",
        label_visibility="collapsed",
    )
    schema = _draw_schema(kind)
    if kind == PASTE:
        return SourceChoice(False, schema, StructuredMethod.DICT)
    st.selectbox(
        _("Method"),
        list(StructuredMethod),
        key="json_method",
        width=200,
        label_visibility="collapsed",
        icon=":material/code:",
    )
    return SourceChoice(True, schema, StructuredMethod(st.session_state.json_method))


def draw_method(choice: SourceChoice, models: ModelProvider, row: DeltaGenerator) -> SourceChoice:
    """Draw the method's code in a row, and return the choice: without its schema if the method does not take that.

    A model that is known not to keep to a schema is asked in words.
    """
    if choice.method.needs_schema and models.capabilities.json_schema is False:
        st.caption(
            _(
                ":material/info: **{model}** does not keep to a JSON Schema, so it gets the schema in words, and its "
                "text is parsed as JSON. For *{method}*, pick another model."
            ).format(model=formatting.escape_markdown(models.name), method=choice.method)
        )
        choice = replace(choice, method=StructuredMethod.PARSER)
    if choice.method is StructuredMethod.PYDANTIC and isinstance(choice.schema, dict):
        st.caption(_(":material/info: This method needs a Pydantic class: list the fields, or choose another method."))
        choice = SourceChoice(True, None, choice.method)
    with row, st.popover(_("Show code"), icon=":material/code:"):
        st.code(choice.method.code, language="python")
    return choice


def _draw_schema(kind: str) -> Schema | None:
    options = [*EXAMPLES, OWN] if kind == MODEL else [NONE, *EXAMPLES, OWN]
    name = st.selectbox(
        _("Schema"),
        options,
        format_func=lambda option: _(option) if option in (OWN, NONE) else option,
        key=f"json_schema_{kind}",
        width=160,
        label_visibility="collapsed",
    )
    with st.popover(_("Schema"), icon=":material/schema:"):
        if name == NONE:
            st.caption(_("No schema: only the syntax is checked."))
            return {}
        if name != OWN:
            st.json(EXAMPLES[name].model_json_schema(), expanded=3)
            return EXAMPLES[name]
        return _draw_own_schema()


def _draw_own_schema() -> Schema | None:
    text = st.text_area(
        _("A list of fields, or a JSON Schema"),
        value=FIELDS,
        key="json_own",
        height=220,
        persist_state="session",
        help="`name: str`, `tags: list[str]`, `stars: int | None`, `verdict: Literal['good', 'bad']`",
    )
    try:
        schema = own_schema(text)
        PartialJson(schema=form_of(schema))
    except (ValueError, SchemaError) as error:
        st.error(formatting.escape_markdown(translated(str(error))), icon=":material/error:")
        return None
    st.json(form_of(schema), expanded=2)
    return schema


def draw_paste_form(state: JsonState) -> None:
    """Draw the text to parse and how it is cut into chunks."""
    st.text_area(_("JSON, with or without prose around it"), value=PASTED, key="json_text", height=120)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.segmented_control(
            _("Chunk size"),
            list(Chunker),
            format_func=_,
            default=Chunker.FOUR,
            required=True,
            key="json_chunker",
            wrap=True,
        )
        if st.session_state.json_chunker == Chunker.N:
            st.number_input("n", 1, 10_000, 8, key="json_size", width=120)
        st.number_input(_("Drop last characters"), 0, 1_000_000, 0, key="json_cut", width=200)
        st.button(_("Parse"), icon=":material/play_arrow:", type="primary", on_click=_parse_pasted, args=(state,))


def _parse_pasted(state: JsonState) -> None:
    state.close()
    state.pasted = PastedText(
        st.session_state.json_text,
        Chunker(st.session_state.json_chunker),
        int(st.session_state.get("json_size") or 8),
        int(st.session_state.json_cut),
    )

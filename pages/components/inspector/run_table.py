"""Run table: the list of runs as a Streamlit component. A row is a link; two can be chosen to be compared."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from pages.components.inspector import run_list_state
from pages.components.inspector.inspector_state import inspector_state
from pages.components.inspector.run_list_state import RunListState
from pages.components.layout import formatting
from pages.components.layout.translation import N_, _, digits, pgettext, script_with_words, words_of
from pages.components.layout.weir_sentences import translated
from weir.analysis.outcome import AnswerStatus
from weir.storage.run_records import RunEntry, RunSort
from weir.text.invisible_characters import replace_invisible

_HERE = Path(__file__).parent

PAGE_LABELS = {
    "chat": N_("Chat"),
    "story": N_("Streaming lab"),
    "events": N_("Inspector"),
    "partial_json": N_("Structured output"),
    "http": "HTTP",
    "command": N_("Command"),
}
"""What started a run, by the page in its context."""

_COLUMNS = (
    (RunSort.CREATED_AT, N_("When"), ""),
    (RunSort.CHAIN, "Run", ""),
    (RunSort.MODEL, N_("Model"), ""),
    (RunSort.STATUS, N_("Status"), ""),
    (RunSort.FIRST_TOKEN, N_("First token"), N_("From the start to the first text of the answer")),
    (RunSort.SECONDS, N_("Total"), N_("From the start to the last event")),
    (RunSort.TOKENS, N_("Tokens"), N_("Read and written; ~ where the model's server has not counted them")),
    (RunSort.COST, N_("Cost"), N_("By the prices in the settings")),
    (RunSort.FINDINGS, N_("Doctor"), N_("Findings of the diagnosis")),
)


def draw_run_table(
    entries: Sequence[RunEntry], list_state: RunListState, *, key: str, time_of: Callable[[float], str]
) -> None:
    """Draw the table. `time_of` says when a run was started."""
    script = script_with_words(_HERE / "run_table.js")
    table = st.components.v2.component(
        "weir_run_table",
        html='<div class="runs"></div>',
        css=(_HERE / "run_table.css").read_text(encoding="utf-8"),
        js=script,
    )
    has_cost = any(entry.cost is not None for entry in entries)

    def value(name: str) -> Any:
        return st.session_state[key][name]

    def on_remove() -> None:
        run_list_state.delete(value("remove"))

    def on_pin() -> None:
        run_list_state.pin(value("pin")["id"], value("pin")["to"])

    def on_sort() -> None:
        list_state.sort_by(RunSort(value("sort")))

    result = table(
        data={
            "columns": [
                {"key": sort.value, "label": _column_label(label), "help": _(text)}
                for sort, label, text in _COLUMNS
                if has_cost or sort is not RunSort.COST
            ],
            "words": words_of(script),
            "sort": list_state.sort.value,
            "ascending": list_state.ascending,
            "rows": [_row(entry, time_of) for entry in entries],
        },
        key=key,
        on_open_change=_do_nothing,
        on_compare_change=_do_nothing,
        on_remove_change=on_remove,
        on_pin_change=on_pin,
        on_sort_change=on_sort,
        width="stretch",
    )
    # The list is a fragment: what leaves it has the whole page drawn.
    if result.open is not None:
        inspector_state().show(result.open)
        st.rerun()
    if result.compare is not None:
        run_list_state.compare(*result.compare)
        st.rerun()


def _row(entry: RunEntry, time_of: Callable[[float], str]) -> dict[str, Any]:
    status = AnswerStatus[entry.status.upper()] if entry.status.upper() in AnswerStatus.__members__ else None
    return {
        "id": entry.id,
        "status": entry.status,
        "live": entry.status == AnswerStatus.WRITING.name.lower(),
        "pinned": entry.is_pinned,
        "input": replace_invisible(entry.input),
        "finding": translated(entry.worst_finding),
        "cells": {
            RunSort.CREATED_AT.value: time_of(entry.created_at),
            RunSort.CHAIN.value: replace_invisible(entry.chain),
            "page": replace_invisible(entry.program) if entry.program else _(PAGE_LABELS.get(entry.page, "")),
            RunSort.MODEL.value: replace_invisible(entry.model),
            RunSort.STATUS.value: translated(status.value) if status else entry.status,
            RunSort.FIRST_TOKEN.value: _seconds(entry.first_token),
            RunSort.SECONDS.value: _seconds(entry.seconds),
            RunSort.TOKENS.value: _tokens(entry),
            RunSort.COST.value: "" if entry.cost is None else formatting.dollars(entry.cost),
            RunSort.FINDINGS.value: digits(entry.findings) if entry.findings else "",
        },
    }


def _column_label(label: str) -> str:
    # The verb *Run* has the same form in English.
    return pgettext("noun", "Run") if label == "Run" else _(label)


def _do_nothing() -> None:
    """Do nothing: a component gives a value only if it has a callback."""


def _seconds(value: float | None) -> str:
    return "" if value is None else formatting.seconds(value)


def _tokens(entry: RunEntry) -> str:
    if entry.tokens is None:
        return ""
    return f"{'' if entry.is_exact else '~'}{digits(entry.tokens)}"

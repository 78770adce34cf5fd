"""LangChain's event filter as widgets, kept in the address, and as the call that would apply it."""

from collections.abc import Sequence

import streamlit as st

from pages.components.inspector.inspector_state import FILTER_KEYS
from pages.components.layout.formatting import inline_code
from weir.analysis.event_filter import EventFilter
from weir.analysis.run_snapshot import RunSnapshot
from weir.core.run_event import RunEvent

KINDS = "kinds"
MAX_TAGS = 20
"""Of one event, how many are offered for the filter: each has two buttons."""
"""Key of the widget that picks event kinds, which are the seed of every filter: `if event["event"] == …`."""


def chosen_filter() -> EventFilter:
    """Return the filter that the widgets hold."""
    return EventFilter(**{key: frozenset(st.session_state.get(key) or ()) or None for key in FILTER_KEYS})


def chosen_kinds() -> frozenset[str]:
    """Return the event kinds that are picked; none means all."""
    return frozenset(st.session_state.get(KINDS) or ())


def filtered_events(events: Sequence[RunEvent]) -> list[RunEvent]:
    """Return the events that pass the filter and the kinds."""
    wish, kinds = chosen_filter(), chosen_kinds()
    passed = wish.select(events)
    return [event for event in passed if event.event in kinds] if kinds else passed


def is_filtering() -> bool:
    """Whether anything is taken away."""
    return chosen_filter() != EventFilter() or bool(chosen_kinds())


def is_in_address() -> bool:
    """Whether the page was opened with a filter."""
    return any(key in st.query_params for key in (*FILTER_KEYS, KINDS))


def draw_filter(seen: RunSnapshot) -> None:
    """Draw the widgets, with what the run offers, and the call."""
    offers = {"names": seen.names, "types": seen.types, "tags": seen.tags}
    include, exclude = st.columns(2)
    for key in FILTER_KEYS:
        side, kind = key.split("_")
        column = include if side == "include" else exclude
        # New options are accepted because an address may name what a live run has not shown yet.
        column.multiselect(
            f"{side.capitalize()} {kind}",
            sorted(offers[kind].union(st.session_state.get(key) or ())),
            key=key,
            bind="query-params",
            accept_new_options=True,
            placeholder="any" if side == "include" else "none",
        )
    st.multiselect(
        "Event kinds",
        sorted(seen.kinds.union(st.session_state.get(KINDS) or ())),
        key=KINDS,
        bind="query-params",
        accept_new_options=True,
        placeholder="all",
        help="Not part of LangChain's filter: `if event['event'] in {…}` in the loop",
    )
    st.code(astream_events_call(chosen_filter(), chosen_kinds()), language="python", wrap_lines=True)
    st.button("Clear the filter", icon=":material/filter_alt_off:", on_click=clear, disabled=not is_filtering())


def clear() -> None:
    """Let everything through."""
    for key in (*FILTER_KEYS, KINDS):
        st.session_state[key] = []


def add(key: str, value: str) -> None:
    """Put a value into one of the filter's lists."""
    chosen = list(st.session_state.get(key) or ())
    if value not in chosen:
        st.session_state[key] = [*chosen, value]


def draw_additions(event: RunEvent) -> None:
    """Draw the buttons that put an event's name, type, tags or kind into the filter."""
    kind = event.name if event.event == "on_custom_event" else event.type
    tags = list(dict.fromkeys(event.component.tags))
    offers = [("names", event.name), ("types", kind), *(("tags", tag) for tag in tags[:MAX_TAGS])]
    with st.popover("Filter by this", icon=":material/filter_alt:", type="tertiary"):
        for what, value in offers:
            with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
                st.caption(f"{what[:-1]} {inline_code(value)}", width="content")
                for side, icon in (("include", ":material/add:"), ("exclude", ":material/remove:")):
                    key = f"{side}_{what}"
                    st.button(
                        side.capitalize(),
                        icon=icon,
                        key=f"add-{key}-{value}",
                        type="tertiary",
                        on_click=add,
                        args=(key, value),
                    )
        st.button(f"Only {event.event}", key="add-kind", type="tertiary", on_click=add, args=(KINDS, event.event))


def astream_events_call(wish: EventFilter, kinds: frozenset[str] = frozenset()) -> str:
    """Return the code that applies this filter while a chain runs."""
    lists = [
        f"    {key}={sorted(values)!r},\n"
        for key in sorted(FILTER_KEYS, reverse=True)
        if (values := getattr(wish, key))
    ]
    body = f'    if event["event"] in {sorted(kinds)!r}:\n        ...' if kinds else "    ..."
    return f'async for event in chain.astream_events(\n    value,\n    version="v2",\n{"".join(lists)}):\n{body}'

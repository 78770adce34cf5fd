"""Event filter form: LangChain's `include_*` and `exclude_*` lists as widgets, in the address, and as Python code."""

from collections.abc import Sequence

import streamlit as st

from pages.components.layout.formatting import inline_code
from pages.components.layout.translation import _
from pages.components.layout.weir_sentences import translated
from weir.analysis.event_filter import EventFilter
from weir.analysis.run_snapshot import RunSnapshot
from weir.core.run_event import RunEvent

FILTER_KEYS = tuple(f"{side}_{kind}" for side in ("include", "exclude") for kind in ("names", "types", "tags"))
"""Keys of the filter's widgets, of their query parameters, and LangChain's names for the lists."""
KINDS = "kinds"
"""Key of the widget that picks event kinds: in LangChain, `if event["event"] == …` in the loop."""
MAX_TAGS = 20
"""Tags of one event that are offered for the filter: each has two buttons."""


def event_filter() -> EventFilter:
    """Return the filter that the widgets hold."""
    return EventFilter(**{key: frozenset(st.session_state.get(key) or ()) or None for key in FILTER_KEYS})


def event_kinds() -> frozenset[str]:
    """Return the picked event kinds; none means all."""
    return frozenset(st.session_state.get(KINDS) or ())


def filtered_events(events: Sequence[RunEvent]) -> list[RunEvent]:
    """Return the events that pass the filter and the kinds."""
    kinds = event_kinds()
    passed = event_filter().select(events)
    return [event for event in passed if event.event in kinds] if kinds else passed


def is_filtering() -> bool:
    """Whether the filter or the kinds are set."""
    return event_filter() != EventFilter() or bool(event_kinds())


def draw_filter(seen: RunSnapshot) -> None:
    """Draw the widgets, with the run's names, types, tags and kinds as options, and the Python code."""
    options = {"names": seen.names, "types": seen.types, "tags": seen.tags}
    include, exclude = st.columns(2)
    for key in FILTER_KEYS:
        side, kind = key.split("_")
        column = include if side == "include" else exclude
        # New options are accepted: an address may name something that a live run has not emitted yet.
        column.multiselect(
            translated(f"{side.capitalize()} {kind}"),
            sorted(options[kind].union(st.session_state.get(key) or ())),
            key=key,
            bind="query-params",
            accept_new_options=True,
            placeholder=_("any") if side == "include" else _("none"),
        )
    st.multiselect(
        _("Event kinds"),
        sorted(seen.kinds.union(st.session_state.get(KINDS) or ())),
        key=KINDS,
        bind="query-params",
        accept_new_options=True,
        placeholder=_("all"),
        help=_("Not part of LangChain's filter: `if event['event'] in {…}` in the loop"),
    )
    st.code(astream_events_call(event_filter(), event_kinds()), language="python", wrap_lines=True)
    st.button(_("Clear the filter"), icon=":material/filter_alt_off:", on_click=clear, disabled=not is_filtering())


def draw_chips() -> None:
    """Draw a chip for each part of the filter that is set; a click takes it out."""
    for key in (*FILTER_KEYS, KINDS):
        for value in st.session_state.get(key) or ():
            label = translated(key.removeprefix("include_").replace("exclude_", "not "))
            st.button(
                f"{label}: {inline_code(value)} ✕",
                key=f"chip-{key}-{value}",
                on_click=remove,
                args=(key, value),
                help=_("Take this out of the filter"),
            )


def size() -> int:
    """Return how many values the filter has."""
    return sum(len(st.session_state.get(key) or ()) for key in (*FILTER_KEYS, KINDS))


def remove(key: str, value: str) -> None:
    """Take a value out of one of the filter's lists."""
    st.session_state[key] = [other for other in st.session_state.get(key) or () if other != value]


def clear() -> None:
    """Empty all lists."""
    for key in (*FILTER_KEYS, KINDS):
        st.session_state[key] = []


def add(key: str, value: str) -> None:
    """Add a value to one of the filter's lists."""
    values = list(st.session_state.get(key) or ())
    if value not in values:
        st.session_state[key] = [*values, value]


def draw_additions(event: RunEvent) -> None:
    """Draw the buttons that put an event's name, type, tags or kind into the filter."""
    kind = event.name if event.event == "on_custom_event" else event.type
    tags = list(dict.fromkeys(event.component.tags))
    options = [("names", event.name), ("types", kind), *(("tags", tag) for tag in tags[:MAX_TAGS])]
    with st.popover(_("Filter by this"), icon=":material/filter_alt:", type="tertiary"):
        for lists, value in options:
            with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
                st.caption(f"{translated(lists[:-1])} {inline_code(value)}", width="content")
                for side, icon in (("include", ":material/add:"), ("exclude", ":material/remove:")):
                    key = f"{side}_{lists}"
                    st.button(
                        translated(side.capitalize()),
                        icon=icon,
                        key=f"add-{key}-{value}",
                        type="tertiary",
                        on_click=add,
                        args=(key, value),
                    )
        st.button(
            _("Only {event}").format(event=event.event),
            key="add-kind",
            type="tertiary",
            on_click=add,
            args=(KINDS, event.event),
        )


def astream_events_call(filters: EventFilter, kinds: frozenset[str] = frozenset()) -> str:
    """Return the Python code that applies this filter while a chain runs."""
    lists = [
        f"    {key}={sorted(values)!r},\n"
        for key in sorted(FILTER_KEYS, reverse=True)
        if (values := getattr(filters, key))
    ]
    body = f'    if event["event"] in {sorted(kinds)!r}:\n        ...' if kinds else "    ..."
    return f'async for event in chain.astream_events(\n    value,\n    version="v2",\n{"".join(lists)}):\n{body}'

"""The bar that moves through a run: play, pause, step, jump, speed."""

import time

import streamlit as st

from pages.components.inspector.inspector_state import move, pick, playhead, seen_count
from pages.components.layout.formatting import seconds
from weir.analysis.playback import SPEEDS, Playhead, playhead_at_end
from weir.core.run_event import RunEvent
from weir.runs.run import Run


def draw_replay(run: Run) -> None:
    """Draw the bar of a run that has ended."""
    events = run.events
    head = playhead(run) or playhead_at_end(events)
    count = seen_count(run)
    position = events[count - 1].elapsed if count else 0.0
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        playing = head.is_playing
        st.button(
            "Pause" if playing else "Replay" if count >= len(events) else "Play",
            icon=":material/pause:" if playing else ":material/play_arrow:",
            key="events_play",
            on_click=_toggle,
            args=(run,),
            width=110,
        )
        _step("Start", ":material/skip_previous:", run, 0, count == 0)
        _step("Back", ":material/navigate_before:", run, count - 1, count == 0)
        _step("Step", ":material/navigate_next:", run, count + 1, count >= len(events))
        _step("End", ":material/skip_next:", run, len(events), count >= len(events))
        st.button(
            "Next error",
            icon=":material/error:",
            key="events_next_error",
            on_click=_to_next_error,
            args=(run,),
            disabled=not any(_is_error(events[number]) for number in range(_looked_from(count, run), len(events))),
        )
        st.selectbox(
            "Speed",
            SPEEDS,
            index=SPEEDS.index(head.speed),
            format_func=lambda speed: f"{speed:g} ×",
            key="events_speed",
            on_change=_change_speed,
            args=(run,),
            label_visibility="collapsed",
            width=100,
        )
        if events:
            st.session_state.events_scrub = count
            st.slider(
                "Events seen",
                0,
                len(events),
                key="events_scrub",
                on_change=_scrub,
                args=(run,),
                label_visibility="collapsed",
                width=320,
            )
            st.caption(f"{seconds(position)} of {seconds(events[-1].elapsed)}", width="content")


def _step(label: str, icon: str, run: Run, count: int, disabled: bool) -> None:
    st.button(
        label,
        icon=icon,
        key=f"events_{label}",
        on_click=_go,
        args=(run, count),
        disabled=disabled,
        type="tertiary",
    )


def _head(run: Run) -> Playhead:
    return playhead(run) or playhead_at_end(run.events)


def _toggle(run: Run) -> None:
    head, now = _head(run), time.monotonic()
    move(run, head.pause(now, run.events) if head.is_playing else head.play(now, run.events))


def _go(run: Run, count: int) -> None:
    move(run, Playhead(0, 0.0, _head(run).speed).seek(count, run.events))


def _scrub(run: Run) -> None:
    _go(run, st.session_state.events_scrub)


def _change_speed(run: Run) -> None:
    move(run, _head(run).at_speed(st.session_state.events_speed, time.monotonic(), run.events))


def _to_next_error(run: Run) -> None:
    head, now, events = _head(run), time.monotonic(), run.events
    start = head.seek(_looked_from(head.events_at(now, events), run), events)
    found = start.seek_after_next(lambda number: _is_error(events[number]), now, events)
    if found is not None:
        move(run, found)
        pick(found.count - 1)


def _is_error(event: RunEvent) -> bool:
    return event.event.endswith("_error")


def _looked_from(count: int, run: Run) -> int:
    """Return the event from which the next error is looked for: at the end, the first one."""
    return 0 if count >= len(run.events) else count

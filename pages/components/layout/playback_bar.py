"""The playback bar: play, pause, step, speed and a slider over a record. The Events and the JSON page share it."""

import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import streamlit as st

from pages.components.layout.translation import _, digits
from weir.analysis.playback import SPEEDS, Playhead, playhead_at_end

ECHO_SECONDS = 3.0
"""For so long a browser may be behind."""


class Timed(Protocol):
    """An item of a record: an event of a run, or a chunk of a text."""

    @property
    def elapsed(self) -> float: ...


@dataclass(slots=True)
class PlaybackState:
    """A page's playhead, in its session state, and the id of the record in which it was last moved."""

    record_id: str = ""
    head: Playhead | None = None
    passed: deque[tuple[float, int]] = field(default_factory=lambda: deque(maxlen=8))
    """The last positions of the slider that were sent while the playhead moved, each with `time.monotonic()` then."""


@dataclass(frozen=True, slots=True)
class Player:
    """A record and the playhead in it. Its methods are the callbacks of the bar's widgets."""

    state: PlaybackState
    record_id: str
    items: Sequence[Timed]

    @property
    def head(self) -> Playhead:
        """The playhead; at the end of a record in which it was not moved yet."""
        head = self.state.head if self.state.record_id == self.record_id else None
        return head or playhead_at_end(self.items)

    @property
    def is_playing(self) -> bool:
        """Whether the playhead moves."""
        return self.head.is_playing

    def count(self) -> int:
        """Return how many items are seen now. A playhead that has reached the end stops there."""
        head = self.head
        count = head.events_at(time.monotonic(), self.items)
        if head.is_playing and count >= len(self.items):
            self.move(playhead_at_end(self.items))
        return count

    def move(self, head: Playhead) -> None:
        """Set the playhead."""
        self.state.record_id, self.state.head = self.record_id, head

    def toggle(self) -> None:
        """Play or pause; at the end, play from the start."""
        head, now = self.head, time.monotonic()
        self.move(head.pause(now, self.items) if head.is_playing else head.play(now, self.items))

    def seek(self, count: int) -> None:
        """Pause after that many items."""
        self.move(self.head.seek(count, self.items))

    def seek_to_widget(self, key: str) -> None:
        """Pause after as many items as the widget with this key holds.

        A browser that is behind sends back where the playhead was a moment ago. Nobody has sought that.
        """
        count, now = st.session_state[key], time.monotonic()
        if not any(count == passed and now - at < ECHO_SECONDS for at, passed in self.state.passed):
            self.seek(count)

    def change_speed(self, key: str) -> None:
        """Take the speed from the widget with this key."""
        self.move(self.head.at_speed(st.session_state[key], time.monotonic(), self.items))


def draw_play_button(player: Player, count: int, *, key: str) -> None:
    """Draw *Play*, *Pause* or, at the end, *Replay*."""
    playing = player.is_playing
    st.button(
        _("Pause") if playing else _("Replay") if count >= len(player.items) else _("Play"),
        icon=":material/pause:" if playing else ":material/play_arrow:",
        key=f"{key}_play",
        on_click=player.toggle,
        width=110,
    )


def draw_step_buttons(player: Player, count: int, *, key: str) -> None:
    """Draw the buttons to the start, one back, one on, and to the end."""
    total = len(player.items)
    steps = (
        ("Start", _("Start"), ":material/skip_previous:", 0, count == 0),
        ("Back", _("Back"), ":material/navigate_before:", count - 1, count == 0),
        ("Step", _("Step"), ":material/navigate_next:", count + 1, count >= total),
        ("End", _("End"), ":material/skip_next:", total, count >= total),
    )
    for name, label, icon, target, disabled in steps:
        st.button(
            label,
            icon=icon,
            key=f"{key}_{name}",
            on_click=player.seek,
            args=(target,),
            disabled=disabled,
            type="tertiary",
        )


def draw_speed(player: Player, *, key: str) -> None:
    """Draw the choice of speed, as a multiple of the recorded one."""
    st.selectbox(
        _("Speed"),
        SPEEDS,
        index=SPEEDS.index(player.head.speed),
        format_func=lambda speed: f"{digits(speed, 'g')} ×",
        key=f"{key}_speed",
        on_change=player.change_speed,
        args=(f"{key}_speed",),
        label_visibility="collapsed",
        width=100,
    )


def draw_slider(player: Player, count: int, label: str, *, key: str, width: int | None = None) -> None:
    """Draw the slider over the record; `width` is pixels, None for what the row leaves."""
    slider_key = f"{key}_scrub"
    st.session_state[slider_key] = count
    if player.is_playing:
        player.state.passed.append((time.monotonic(), count))
    st.slider(
        label,
        0,
        len(player.items),
        key=slider_key,
        on_change=player.seek_to_widget,
        args=(slider_key,),
        label_visibility="collapsed",
        width=width or "stretch",
    )

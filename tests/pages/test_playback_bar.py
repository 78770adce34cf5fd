"""The player of the playback bar, without a page."""

import time
from dataclasses import dataclass

import pytest
import streamlit as st

from pages.components.layout.playback_bar import ECHO_SECONDS, PlaybackState, Player


@dataclass
class Item:
    elapsed: float


ITEMS = [Item(0.0), Item(1.0), Item(60.0)]


def test_player_of_a_record_that_was_not_moved_in_is_at_its_end() -> None:
    state = PlaybackState()
    Player(state, "one", ITEMS).seek(1)
    assert Player(state, "one", ITEMS).count() == 1
    assert Player(state, "other", ITEMS).count() == 3


def test_player_of_a_growing_record_sees_each_new_item() -> None:
    items = ITEMS[:1]
    player = Player(PlaybackState(), "live", items)
    assert player.count() == 1
    items.append(Item(2.0))
    assert player.count() == 2
    assert not player.is_playing


def test_player_stops_at_the_end() -> None:
    player = Player(PlaybackState(), "one", ITEMS)
    player.toggle()
    assert player.is_playing
    assert player.count() < 3
    player.move(player.head.at_speed(20.0, time.monotonic() - 60, ITEMS))
    assert player.count() == 3
    assert not player.is_playing


def test_player_seeks_within_the_record_and_keeps_its_speed() -> None:
    player = Player(PlaybackState(), "one", ITEMS)
    player.move(player.head.at_speed(5.0, 0.0, ITEMS))
    player.seek(99)
    assert (player.count(), player.head.speed) == (3, 5.0)
    player.seek(-1)
    assert (player.count(), player.head.speed, player.is_playing) == (0, 5.0, False)


def test_a_position_that_the_browser_sends_back_does_not_stop_the_player(monkeypatch: pytest.MonkeyPatch) -> None:
    player = Player(PlaybackState(), "one", ITEMS)
    player.toggle()
    player.state.passed.append((time.monotonic(), 1))
    monkeypatch.setattr(st, "session_state", {"position": 1})
    player.seek_to_widget("position")
    assert player.is_playing
    st.session_state["position"] = 2
    player.seek_to_widget("position")
    assert (player.count(), player.is_playing) == (2, False)
    player.move(player.head.seek(3, ITEMS))
    st.session_state["position"] = 1
    player.seek_to_widget("position")
    assert player.count() == 3
    player.state.passed[0] = (time.monotonic() - ECHO_SECONDS, 1)
    player.seek_to_widget("position")
    assert player.count() == 1

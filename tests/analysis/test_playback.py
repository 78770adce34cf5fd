from dataclasses import dataclass

import pytest

from weir.analysis.playback import SPEEDS, Playhead, playhead_at_end


@dataclass
class TimedEvent:
    elapsed: float


EVENTS = [TimedEvent(0.0), TimedEvent(0.5), TimedEvent(1.0), TimedEvent(1.0), TimedEvent(4.0)]


def test_a_playhead_moves_with_the_recorded_timing() -> None:
    head = playhead_at_end(EVENTS).play(100.0, EVENTS)
    assert [head.events_at(100.0 + passed, EVENTS) for passed in (0.0, 0.4, 0.5, 1.0, 3.9, 4.0, 99.0)] == [
        1,
        1,
        2,
        4,
        4,
        5,
        5,
    ]


@pytest.mark.parametrize("speed", SPEEDS)
def test_a_speed_is_a_factor(speed: float) -> None:
    head = Playhead(0, 0.0, speed).play(10.0, EVENTS)
    assert head.events_at(10.0 + 0.99 / speed, EVENTS) == 2
    assert head.events_at(10.0 + 1.01 / speed, EVENTS) == 4


def test_a_paused_playhead_resumes_at_its_position() -> None:
    head = Playhead(0, 0.0).play(10.0, EVENTS).pause(10.7, EVENTS)
    assert not head.is_playing
    assert head.events_at(99.0, EVENTS) == 2
    assert head.play(200.0, EVENTS).events_at(200.4, EVENTS) == 4


def test_a_change_of_speed_keeps_the_position() -> None:
    head = Playhead(0, 0.0).play(10.0, EVENTS).at_speed(20.0, 10.7, EVENTS)
    assert head.is_playing
    assert head.position_at(10.7) == pytest.approx(0.7)
    assert head.events_at(10.7 + 0.31 / 20, EVENTS) == 4


def test_seek_stays_inside_the_run() -> None:
    assert playhead_at_end(EVENTS).seek(3, EVENTS) == Playhead(3, 1.0)
    assert playhead_at_end(EVENTS).seek(-1, EVENTS) == Playhead(0, 0.0)
    assert playhead_at_end(EVENTS).seek(9, EVENTS) == playhead_at_end(EVENTS)


def test_seek_after_next_finds_the_next_matching_event() -> None:
    start = Playhead(0, 0.0)
    assert start.seek_after_next(lambda number: number in (2, 4), 0.0, EVENTS) == Playhead(3, 1.0)
    assert Playhead(3, 1.0).seek_after_next(lambda number: number in (2, 4), 0.0, EVENTS) == Playhead(5, 4.0)
    assert playhead_at_end(EVENTS).seek_after_next(lambda _: True, 0.0, EVENTS) is None


def test_an_empty_run_has_one_position() -> None:
    assert playhead_at_end([]).play(1.0, []).pause(5.0, []) == Playhead(0, 0.0)

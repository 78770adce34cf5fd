"""When the soak fails, and what it then says."""

from dataclasses import replace

import pytest

from bench.soak import SPARE, Held, Soak, broken

BEFORE = Held(threads=9, files=27, sockets=2, children=0)


def soak(*, late: int = 100, lost: int = 0) -> Soak:
    """Ten minutes whose memory is 100 until the last tenth."""
    return Soak(0.0, lost=lost, memory=[(60.0 * minute, late if minute >= 9 else 100) for minute in range(11)])


@pytest.mark.parametrize("late", [91, 100, 109])
def test_what_stands_still_and_leaves_little_over_is_well(late: int) -> None:
    after = Held(threads=50, files=27 + SPARE, sockets=0, children=SPARE)
    assert broken(soak(late=late), 0.4, 0, BEFORE, after) == []


@pytest.mark.parametrize(
    ("told", "seen", "left_live", "after"),
    [
        ("3 tokens lost", soak(lost=3), 0, BEFORE),
        ("2 runs live", soak(), 2, BEFORE),
        ("memory 1.11 ×", soak(late=111), 0, BEFORE),
        ("memory 0.89 ×", soak(late=89), 0, BEFORE),
        ("6 files more", soak(), 0, replace(BEFORE, files=33)),
        ("6 sockets more", soak(), 0, replace(BEFORE, sockets=8)),
        ("6 children more", soak(), 0, replace(BEFORE, children=6)),
    ],
)
def test_each_bound_that_is_broken_is_named(told: str, seen: Soak, left_live: int, after: Held) -> None:
    (said,) = broken(seen, 0.4, left_live, BEFORE, after)
    assert said.startswith(told)

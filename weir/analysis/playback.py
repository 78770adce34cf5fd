"""Where in a recorded run its reader is: moving with the record's own timing, or standing."""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

SPEEDS = (0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0)
"""Times as fast as it was recorded."""


class _TimedEvent(Protocol):
    @property
    def elapsed(self) -> float: ...


@dataclass(frozen=True, slots=True)
class Playhead:
    """A position in a record. `events_at(now)` of them have come; `now` is seconds on any monotonic clock."""

    count: int
    """Events that had come when it was last set."""
    position: float
    """Seconds of the record at that moment."""
    speed: float = 1.0
    since: float | None = None
    """The clock when it began to move; None while it stands."""

    @property
    def is_playing(self) -> bool:
        """Whether it moves."""
        return self.since is not None

    def position_at(self, now: float) -> float:
        """Return the seconds of the record that have passed."""
        return self.position if self.since is None else self.position + (now - self.since) * self.speed

    def events_at(self, now: float, events: Sequence[_TimedEvent]) -> int:
        """Return how many of these events have come."""
        if self.since is None:
            return self.count
        return max(self.count, bisect_right(events, self.position_at(now), key=lambda event: event.elapsed))

    def play(self, now: float, events: Sequence[_TimedEvent]) -> "Playhead":
        """Move on; from the start if it stands at the end."""
        if self.count >= len(events):
            return Playhead(0, 0.0, self.speed, now)
        return replace(self, since=now)

    def pause(self, now: float, events: Sequence[_TimedEvent]) -> "Playhead":
        """Stand still here."""
        count = self.events_at(now, events)
        end = events[-1].elapsed if events else 0.0
        return Playhead(count, min(self.position_at(now), end), self.speed)

    def at_speed(self, speed: float, now: float, events: Sequence[_TimedEvent]) -> "Playhead":
        """Go on from here at another speed."""
        here = self.pause(now, events)
        return replace(here, speed=speed, since=now if self.is_playing else None)

    def seek(self, count: int, events: Sequence[_TimedEvent]) -> "Playhead":
        """Stand after that many events."""
        count = max(0, min(count, len(events)))
        return Playhead(count, events[count - 1].elapsed if count else 0.0, self.speed)

    def seek_after_next(
        self, wanted: Callable[[int], bool], now: float, events: Sequence[_TimedEvent]
    ) -> "Playhead | None":
        """Stand after the next event whose number is `wanted`; None where there is no further one."""
        here = self.events_at(now, events)
        found = next((number for number in range(here, len(events)) if wanted(number)), None)
        return None if found is None else self.seek(found + 1, events)


def playhead_at_end(events: Sequence[_TimedEvent]) -> Playhead:
    """Stand after the last event: the whole record is seen."""
    return Playhead(len(events), events[-1].elapsed if events else 0.0)

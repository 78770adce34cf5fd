"""Playhead of a recorded run: a position that moves with the recorded timing, or is paused."""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

SPEEDS = (0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0)
"""Playback speeds, as factors of the recorded one."""


class _TimedEvent(Protocol):
    @property
    def elapsed(self) -> float: ...


@dataclass(frozen=True, slots=True)
class Playhead:
    """A position in a run: the first `events_at(now)` events are shown. `now` is seconds on any monotonic clock."""

    count: int
    """Number of events shown when it was last set."""
    position: float
    """Position at that moment, in seconds of the run."""
    speed: float = 1.0
    since: float | None = None
    """The clock's time when playback started; None while paused."""

    @property
    def is_playing(self) -> bool:
        """Whether it is not paused."""
        return self.since is not None

    def position_at(self, now: float) -> float:
        """Return the position in seconds of the run."""
        return self.position if self.since is None else self.position + (now - self.since) * self.speed

    def events_at(self, now: float, events: Sequence[_TimedEvent]) -> int:
        """Return the number of events shown."""
        if self.since is None:
            return self.count
        return max(self.count, bisect_right(events, self.position_at(now), key=lambda event: event.elapsed))

    def play(self, now: float, events: Sequence[_TimedEvent]) -> "Playhead":
        """Start playback here; at the end, from the beginning."""
        if self.count >= len(events):
            return Playhead(0, 0.0, self.speed, now)
        return replace(self, since=now)

    def pause(self, now: float, events: Sequence[_TimedEvent]) -> "Playhead":
        """Pause here."""
        count = self.events_at(now, events)
        end = events[-1].elapsed if events else 0.0
        return Playhead(count, min(self.position_at(now), end), self.speed)

    def at_speed(self, speed: float, now: float, events: Sequence[_TimedEvent]) -> "Playhead":
        """Change the speed. A playing playhead goes on from here."""
        here = self.pause(now, events)
        return replace(here, speed=speed, since=now if self.is_playing else None)

    def seek(self, count: int, events: Sequence[_TimedEvent]) -> "Playhead":
        """Pause after that many events."""
        count = max(0, min(count, len(events)))
        return Playhead(count, events[count - 1].elapsed if count else 0.0, self.speed)

    def seek_after_next(
        self, wanted: Callable[[int], bool], now: float, events: Sequence[_TimedEvent]
    ) -> "Playhead | None":
        """Pause after the next event whose index satisfies `wanted`; None if there is none."""
        count = self.events_at(now, events)
        index = next((index for index in range(count, len(events)) if wanted(index)), None)
        return None if index is None else self.seek(index + 1, events)


def playhead_at_end(events: Sequence[_TimedEvent]) -> Playhead:
    """Return a paused playhead after the last event."""
    return Playhead(len(events), events[-1].elapsed if events else 0.0)

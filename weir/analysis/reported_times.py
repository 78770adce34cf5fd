"""Times that a program reports late: when a component began and ended, and when its tokens came.

The tail sends each event at once. LangSmith's clients send the time of the first token with the end of the model's
call, and some starts and ends late.
"""

from typing import Any, TypeGuard

from weir.core.run_event import EVENT_PREFIX, RunEvent

TIMES_EVENT = f"{EVENT_PREFIX}times"


def reported_times(event: RunEvent) -> tuple[float | None, float | None, list[float]]:
    """Return when the component of such an event began and ended, None if it does not say so, and its tokens' times."""
    payload = event.get("payload")
    times: dict[str, Any] = payload if isinstance(payload, dict) else {}
    started, ended, tokens = map(times.get, ("started", "ended", "tokens"))
    known = [float(at) for at in tokens if _is_time(at)] if isinstance(tokens, list) else []
    return _time(started), _time(ended), sorted(known)


def _time(value: Any) -> float | None:
    return float(value) if _is_time(value) else None


def _is_time(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1e9

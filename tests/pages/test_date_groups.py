import datetime as dt

import pytest

from pages.components.chat.date_groups import date_group, zone

NOON = dt.datetime(2026, 3, 2, 12, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("changed", "group"),
    [
        (dt.datetime(2026, 3, 3, 1, tzinfo=dt.UTC), "Today"),
        (dt.datetime(2026, 3, 2, 0, 1, tzinfo=dt.UTC), "Today"),
        (dt.datetime(2026, 3, 1, 23, 59, tzinfo=dt.UTC), "Yesterday"),
        (dt.datetime(2026, 2, 23, 12, tzinfo=dt.UTC), "Last 7 days"),
        (dt.datetime(2026, 2, 1, 12, tzinfo=dt.UTC), "Last 30 days"),
        (dt.datetime(2026, 1, 1, 12, tzinfo=dt.UTC), "January 2026"),
    ],
)
def test_a_conversation_is_listed_under_the_day_of_its_last_change(changed: dt.datetime, group: str) -> None:
    assert date_group(changed.timestamp(), NOON.timestamp(), dt.UTC) == group


def test_days_are_those_of_the_browser_s_time_zone() -> None:
    changed, now = NOON.replace(hour=14), NOON.replace(hour=18)
    assert date_group(changed.timestamp(), now.timestamp(), zone("UTC")) == "Today"
    # In Jakarta, seven hours ahead, midnight is between the two.
    assert date_group(changed.timestamp(), now.timestamp(), zone("Asia/Jakarta")) == "Yesterday"


@pytest.mark.parametrize("name", [None, "", "Nowhere/Here", "../etc/passwd"])
def test_an_unknown_time_zone_is_utc(name: str | None) -> None:
    assert zone(name) is dt.UTC

"""Date groups of the conversation list: Today, Yesterday, and so on."""

import datetime as dt
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pages.components.layout.translation import _, month_name


def zone(name: str | None) -> dt.tzinfo:
    """Return the time zone of that name; UTC if the browser gives none, or one that this machine does not know."""
    try:
        return ZoneInfo(name) if name else dt.UTC
    except (ZoneInfoNotFoundError, ValueError):
        return dt.UTC


def date_group(changed_at: float, now: float, zone: dt.tzinfo) -> str:
    """Return the group of a conversation that was changed at `changed_at`; both are seconds since the epoch."""
    changed, today = (dt.datetime.fromtimestamp(moment, zone).date() for moment in (changed_at, now))
    days = (today - changed).days
    if days <= 0:
        return _("Today")
    if days == 1:
        return _("Yesterday")
    if days <= 7:
        return _("Last 7 days")
    if days <= 30:
        return _("Last 30 days")
    return _("{month} {year}").format(month=month_name(changed.month, short=False), year=changed.year)

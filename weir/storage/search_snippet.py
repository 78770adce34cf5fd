"""Search snippet: the part of a text around the first place that matches a search."""

from weir.storage.title import one_line

BEFORE, AFTER = 24, 60
"""Characters before the start of the match, and from there on."""


def snippet(text: str, search: str) -> str:
    """Return the text around the first match, ignoring case, as one line; its beginning if nothing matches."""
    at = max(0, text.lower().find(search.strip().lower()))
    start, end = max(0, at - BEFORE), at + AFTER
    part = one_line(text[start:end])
    return ("…" if start else "") + part + ("…" if end < len(text) else "")

"""Chart colours, the same on every page.

They are legible on the light and on the dark theme. What a colour means is also written beside it, as text.
"""

TEAL = "#2f93a0"
"""The accent: done, valid, chunks."""
AMBER = "#d08a1d"
"""Still running or growing, and the selected moment."""
BLUE = "#4a7fd0"
"""Closed, not validated."""
VIOLET = "#8a6cc2"
"""A model thinks."""
RED = "#cf4b4b"
"""Failed, invalid, too slow."""
GREY = "#8a9699"
"""Interrupted, absent, and lines for reference."""

"""Suggestions of each page: what the packaged model does well, chosen by trying (docs/demo.md)."""

STORY = ("A fox and an old oak tree", "A young bird learning to fly", "A gardener and her garden")
JSON = ("Water", "Photosynthesis", "The water cycle")
JSON_SCHEMA = "Note"
"""The schema of the JSON page's suggestions, a key of `EXAMPLES` in `chains/structured.py`."""

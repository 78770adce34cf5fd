"""Suggestions of each page: what the packaged model does well, chosen by trying (docs/demo.md)."""

from chains.routes import Route

CHAT = {
    Route.MATH: "What is 25 × 17?",
    Route.CODE: "Write a Python function that checks if a number is even",
    Route.GENERAL: "What is gravity?",
}
STORY = ("A fox and an old oak tree", "A young bird learning to fly", "A gardener and her garden")
JSON = ("Water", "Photosynthesis", "The water cycle")
JSON_SCHEMA = "Note"
"""The schema of the JSON page's suggestions, a key of `EXAMPLES` in `chains/structured.py`."""

"""The pieces of the story page."""

"""Components of the JSON page."""

"""Components of the story page."""

"""Components of the Events page."""

"""Components of the HTTP page."""

"""The visitor's session: identity, links, starts of runs, recordings."""

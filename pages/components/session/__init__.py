"""The visitor's session: identity, sign-in, links to runs, starts of runs, recordings."""

"""Waterfall of a run: a component of the Inspector."""

"""Pieces of the HTTP page."""

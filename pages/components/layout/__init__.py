"""Pieces of the layout that every page shares."""

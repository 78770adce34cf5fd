"""Pieces of the chat page."""

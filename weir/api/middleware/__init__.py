"""ASGI middleware of the app."""

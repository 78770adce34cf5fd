"""ASGI middleware of the app and the API."""

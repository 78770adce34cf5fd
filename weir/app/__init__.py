"""The process: its services, the ASGI app, warm-up, logging, shutdown."""

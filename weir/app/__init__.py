"""The process: services, composition, warm-up, logging."""

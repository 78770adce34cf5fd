"""Models: the provider, HTTP clients, the replay model."""

"""What a gateway adds to a model: Weir beside LiteLLM's proxy."""

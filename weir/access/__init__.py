"""Who asks, and what they may do: callers, limits, tickets."""

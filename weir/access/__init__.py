"""Access: callers, run limits, tickets for EventSource, the log of runs."""

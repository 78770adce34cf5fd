"""What is recorded: runs, their events, and everything that is computed from them."""

"""The log: runs, what records them, the store that holds them."""

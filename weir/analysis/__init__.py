"""Analysis of runs: pure functions of a run's events."""

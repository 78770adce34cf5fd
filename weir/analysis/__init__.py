"""Pure functions of the events of a run."""

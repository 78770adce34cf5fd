"""The parts of the event inspector."""

"""The parts of the partial-JSON viewer."""

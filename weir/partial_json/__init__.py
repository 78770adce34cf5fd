"""The incremental JSON parser, with schema validation. Knows nothing of runs."""

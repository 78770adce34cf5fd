"""Where a question goes, decided without a language model."""

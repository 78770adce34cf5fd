"""Measuring models: how soon and how fast they answer, by the number of answers at once."""

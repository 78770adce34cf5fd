"""Components of an answer: its text, figures, route and actions, and what of it is stored."""

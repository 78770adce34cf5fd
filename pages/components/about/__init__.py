"""Components of the *About* page, and the introduction of the empty chat."""

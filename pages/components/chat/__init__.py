"""Components of the chat page."""

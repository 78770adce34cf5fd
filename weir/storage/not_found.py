"""What is asked for and is not there."""


class ConversationNotFoundError(LookupError):
    """There is no such conversation or message: it has been deleted since, or it is another visitor's."""

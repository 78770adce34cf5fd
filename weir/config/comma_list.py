"""Lists separated by commas, in settings and in URLs."""


def split_commas(text: str) -> tuple[str, ...]:
    """Return the entries between the commas, stripped, without empty ones."""
    return tuple(part for piece in text.split(",") if (part := piece.strip()))

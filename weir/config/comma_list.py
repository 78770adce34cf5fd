"""Lists that people, or addresses of pages, write with commas."""


def split_commas(text: str) -> tuple[str, ...]:
    """Return what stands between the commas, without blanks around it; what is empty is left out."""
    return tuple(part for piece in text.split(",") if (part := piece.strip()))

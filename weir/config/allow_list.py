"""Allow list of the people who may sign in: addresses (`ann@example.org`) and whole domains (`@example.com`)."""

from weir.config.comma_list import split_commas


def parse_allow_list(text: str) -> frozenset[str]:
    """Return the normalised entries of a list separated by commas. Raises ValueError for an entry of neither kind."""
    entries = frozenset(normalize_email(entry) for entry in split_commas(text))
    for entry in sorted(entries):
        name, sign, domain = entry.rpartition("@")
        if not sign or not domain or "@" in name or any(character.isspace() for character in entry):
            raise ValueError(f"{entry!r} is neither an address nor a domain that begins with @")
    return entries


def is_allowed(entries: frozenset[str], address: str) -> bool:
    """Whether a list names this address or its domain. An empty list allows everybody."""
    address = normalize_email(address)
    return not entries or address in entries or f"@{address.rpartition('@')[2]}" in entries


def normalize_email(address: str) -> str:
    """Return an address in lower case, to compare it; one with characters beyond ASCII unchanged.

    The lower case of some characters beyond ASCII, such as the kelvin sign, is an ASCII letter: another address.
    """
    return address.lower() if address.isascii() else address

"""Who may use Weir, where people sign in: addresses (`ann@example.org`) and whole domains (`@example.com`)."""

from weir.config.comma_list import split_commas


def parse_allow_list(text: str) -> frozenset[str]:
    """Return the entries of a list separated by commas, folded. Raises ValueError for what is neither kind."""
    entries = frozenset(normalize_email(entry) for entry in split_commas(text))
    for entry in sorted(entries):
        name, sign, domain = entry.rpartition("@")
        if not sign or not domain or "@" in name or any(character.isspace() for character in entry):
            raise ValueError(f"{entry!r} is neither an address nor a domain that begins with @")
    return entries


def is_allowed(entries: frozenset[str], address: str) -> bool:
    """Whether a list names this address or its domain. An empty list names everybody."""
    address = normalize_email(address)
    return not entries or address in entries or f"@{address.rpartition('@')[2]}" in entries


def normalize_email(address: str) -> str:
    """Return an address in lower case, so that equal ones are one; any beyond ASCII as it is.

    Lower case makes of some letters beyond ASCII, as of the sign for kelvin, one of ASCII: another address.
    """
    return address.lower() if address.isascii() else address

"""Tokens of the API's clients: `name=token`, separated by commas."""

import re

from pydantic import SecretStr

from weir.config.comma_list import split_commas

MIN_LENGTH = 16
"""Characters of a token."""

_NAME = re.compile(r"[\w.-]{1,40}", re.ASCII)
_SENDABLE = re.compile(r"[!-~]+")


def parse(value: SecretStr | None) -> dict[str, str]:
    """Return the tokens by the names of their clients."""
    return dict(_pairs(value))


def check(value: SecretStr | None) -> SecretStr | None:
    """Return the value. Raises ValueError, with a sentence that repeats no token, if it cannot be used."""
    pairs = _pairs(value)
    names, tokens = [name for name, _ in pairs], [token for _, token in pairs]
    if not all(_NAME.fullmatch(name) for name in names) or not all(tokens) or len(set(names)) < len(names):
        raise ValueError("each token needs a name of its own before it, of letters, digits and . _ -: name=token")
    if any(len(token) < MIN_LENGTH or not _SENDABLE.fullmatch(token) for token in tokens):
        raise ValueError(f"each token needs {MIN_LENGTH} characters or more, and none that no HTTP header can carry")
    if len(set(tokens)) < len(tokens):
        raise ValueError("two clients have the same token")
    return value


def _pairs(value: SecretStr | None) -> list[tuple[str, str]]:
    parts = split_commas(value.get_secret_value()) if value else ()
    return [(name.strip(), token.strip()) for name, _, token in (part.partition("=") for part in parts)]

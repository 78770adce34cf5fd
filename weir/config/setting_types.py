"""Types of settings: what the text of a variable becomes, and which texts are refused."""

import re
from pathlib import Path
from typing import Annotated, Any

import platformdirs
from pydantic import AfterValidator, BeforeValidator, HttpUrl, SecretStr

from weir.config import allow_list, client_tokens, user_chains
from weir.config.app_folder import IS_CHECKOUT
from weir.config.comma_list import split_commas

DISCOVERY_WORDS = ("auto", "on", "off")
"""What stands in the place of ports where model servers are looked for."""

_ORIGIN = re.compile(r"https?://(\*\.)?[\w.-]+(:\d+)?", re.ASCII)
_HOST = re.compile(r"\*|(\*\.)?[\w.-]+|\[?[\da-fA-F:.]+\]?", re.ASCII)
_REDIS_SCHEMES = ("redis://", "rediss://", "unix://", "redis+sentinel://", "redis+cluster://", "rediss+cluster://")
_SENDABLE = re.compile(r"[!-~]+")


def default_data_folder() -> Path:
    """Return `./data` where Weir runs from its source tree; installed, the folder for data of the user's system."""
    return Path("data") if IS_CHECKOUT else platformdirs.user_data_path("weir", appauthor=False)


def _blank_is_unset(value: Any) -> Any:
    return None if isinstance(value, str) and not value.strip() else value


def _whole(value: Any) -> Any:
    """Strip blanks and line breaks that were copied with a secret."""
    text = value.get_secret_value() if isinstance(value, SecretStr) else value
    return (text.strip() or None) if isinstance(text, str) else value


def _can_be_sent(value: SecretStr | None) -> SecretStr | None:
    if value and not _SENDABLE.fullmatch(value.get_secret_value()):
        raise ValueError(
            "it has a blank, a line break or a character beyond ASCII, which no HTTP header can carry; copy it anew"
        )
    return value


def _names_folder(value: Any) -> Any:
    return default_data_folder() if isinstance(value, str) and not value.strip() else value


def _from_home(value: Path | None) -> Path | None:
    """Expand `~` to the home folder, as a shell does."""
    try:
        return value.expanduser() if value else value
    except RuntimeError as error:
        raise ValueError(f"{value} begins with a home folder that is not known") from error


def _names_chains(value: str) -> str:
    user_chains.parse_chain_list(value)
    return value


def _names_users(value: str) -> str:
    allow_list.parse_allow_list(value)
    return value


def _names_origins(value: str) -> str:
    for origin in split_commas(value):
        if origin != "self" and not _ORIGIN.fullmatch(origin):
            raise ValueError(f"{origin!r} is neither `self` nor a scheme and a host, without a path")
    return value


def _names_redis(value: SecretStr | None) -> SecretStr | None:
    if value and not value.get_secret_value().startswith(_REDIS_SCHEMES):
        raise ValueError(f"it begins with none of {', '.join(_REDIS_SCHEMES)}")
    return value


def _names_ports(value: str) -> str:
    if value not in DISCOVERY_WORDS and not all(
        port.isdecimal() and 0 < int(port) < 65_536 for port in split_commas(value)
    ):
        raise ValueError(f"it is neither {', '.join(DISCOVERY_WORDS)} nor ports, separated by commas")
    return value


def _names_hosts(value: str) -> str:
    for name in split_commas(value):
        if not _HOST.fullmatch(name):
            raise ValueError(f"{name!r} is no host name: write it without a scheme, port or path")
    return value


Key = Annotated[SecretStr | None, BeforeValidator(_whole), AfterValidator(_can_be_sent)]
Secret = Annotated[SecretStr | None, BeforeValidator(_whole)]
ClientTokens = Annotated[Secret, AfterValidator(client_tokens.check)]
RedisUrl = Annotated[Secret, AfterValidator(_names_redis)]
Endpoint = Annotated[HttpUrl | None, BeforeValidator(_blank_is_unset)]
Limit = Annotated[int | None, BeforeValidator(_blank_is_unset)]
Price = Annotated[float | None, BeforeValidator(_blank_is_unset)]
OptionalFile = Annotated[Path | None, BeforeValidator(_blank_is_unset), AfterValidator(_from_home)]
DataFolder = Annotated[Path, BeforeValidator(_names_folder), AfterValidator(_from_home)]
Hosts = Annotated[str, AfterValidator(_names_hosts)]
Origins = Annotated[str, AfterValidator(_names_origins)]
Users = Annotated[str, AfterValidator(_names_users)]
Discovery = Annotated[str, AfterValidator(_names_ports)]
ChainList = Annotated[str, AfterValidator(_names_chains)]

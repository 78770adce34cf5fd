"""Redis check: whether a Redis can be used, before the start, with a sentence for whoever set its address."""

import logging

from weir.replicas.redis_connection import REDIS_ERRORS, ReplicaProblem, open_client

LEAST_VERSION = (6, 2)
POLICY = "noeviction"

_LOG = logging.getLogger(__name__)


class RedisCheckError(Exception):
    """A Redis cannot be used. The text is a sentence for people; `may_pass`: whether it may be there later."""

    def __init__(self, sentence: str, *, may_pass: bool) -> None:
        super().__init__(sentence)
        self.may_pass = may_pass


def check_redis(url: str) -> None:
    """Raise RedisCheckError if this address is not that of a Redis or Valkey that Weir can use."""
    try:
        client = open_client(url)
    except ValueError as error:
        raise RedisCheckError(f"WEIR_REDIS_URL is no address of Redis: {error}.", may_pass=False) from None
    try:
        version = client.info("server").get("redis_version", "0")
        policy = _policy(client)
    except REDIS_ERRORS as error:
        if ReplicaProblem.of(error) is not ReplicaProblem.AWAY or type(error).__name__ == "AuthenticationError":
            raise RedisCheckError(f"Redis at WEIR_REDIS_URL refuses Weir: {error}.", may_pass=False) from None
        raise RedisCheckError(
            f"Redis at WEIR_REDIS_URL cannot be reached: {error}. Start it, or correct the address; with "
            "WEIR_REDIS_OPTIONAL=true Weir starts without it, and its runs are on this replica only until it is there.",
            may_pass=True,
        ) from None
    finally:
        client.close()
    if tuple(int(part) for part in version.split(".")[:2]) < LEAST_VERSION:
        raise RedisCheckError(f"Redis at WEIR_REDIS_URL is version {version}; Weir needs 6.2 or newer.", may_pass=False)
    if policy not in ("", POLICY):
        _LOG.warning("Redis may remove live runs: its maxmemory-policy is %s, and should be %s", policy, POLICY)


def _policy(client: object) -> str:
    """Return the maxmemory policy; "" where it may not be asked, as with many hosted ones."""
    try:
        answer = client.config_get("maxmemory-policy")  # type: ignore[attr-defined]
    except REDIS_ERRORS:
        return ""
    return str(answer.get("maxmemory-policy", ""))

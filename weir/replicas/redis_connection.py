"""Connection to Redis or Valkey: the client for an address, and what an error of it means for people."""

from enum import Enum
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import redis
from redis.backoff import NoBackoff
from redis.exceptions import OutOfMemoryError, ReadOnlyError, RedisError
from redis.retry import Retry
from redis.sentinel import Sentinel

from weir.replicas import redis_cluster

TIMEOUT_SECONDS = 2.0
"""Time for Redis to answer. A page may wait for it."""

SENTINEL_SCHEME = "redis+sentinel"
SENTINEL_PORT = 26_379


class ReplicaProblem(Enum):
    """Why Redis does not take runs. The value is a sentence for people."""

    AWAY = "Redis cannot be reached: runs are on this replica only, until it is back."
    FULL = "Redis is full: runs are on this replica only, until there is room."
    READ_ONLY = "Redis takes no writes: runs are on this replica only, until it does."
    OTHER = "Redis refuses what Weir sends: runs are on this replica only. The log has the cause."

    @classmethod
    def of(cls, error: Exception) -> "ReplicaProblem":
        """Return the problem behind an error of the client."""
        if isinstance(error, OutOfMemoryError):
            return cls.FULL
        if isinstance(error, ReadOnlyError):
            return cls.READ_ONLY
        away = (redis.ConnectionError, redis.TimeoutError, OSError)
        return cls.AWAY if isinstance(error, away) else cls.OTHER


def open_client(url: str, *, timeout_seconds: float = TIMEOUT_SECONDS) -> Any:
    """Return a client. It connects with its first command, and does not repeat one by itself.

    `redis+sentinel://host:port,host:port/service` asks Sentinels for the address of the master, and
    `redis+cluster://host:port,host:port` the nodes of a cluster for the one that has Weir's keys.
    Raises ValueError if the address is none.
    """
    options: dict[str, Any] = {
        "socket_timeout": timeout_seconds,
        "socket_connect_timeout": TIMEOUT_SECONDS,
        # A command that is sent again may have been received before: each is repeated by who knows what that means.
        "retry": Retry(NoBackoff(), 0),
        "client_name": "weir",
        "protocol": 2,
    }
    parts = urlsplit(url)
    if parts.scheme in redis_cluster.SCHEMES:
        return redis_cluster.cluster_client(url, **options)
    if parts.scheme != SENTINEL_SCHEME:
        return redis.Redis.from_url(url, **options)
    hosts = [host.rpartition(":") for host in parts.netloc.rpartition("@")[2].split(",")]
    service, _, database = parts.path.strip("/").partition("/")
    if not service:
        raise ValueError("the address of Sentinels ends in the name of the service")
    sentinel: Any = Sentinel(  # type: ignore[no-untyped-call]
        [(name or port, int(port) if name else SENTINEL_PORT) for name, _, port in hosts],
        sentinel_kwargs=dict(parse_qsl(parts.query)),
        **options,
    )
    password = unquote(parts.password) if parts.password else None
    user = unquote(parts.username) if parts.username else None
    return sentinel.master_for(service, db=int(database or 0), username=user, password=password)


REDIS_ERRORS = (RedisError, OSError)
"""What a command raises where Redis cannot be reached, or refuses it."""

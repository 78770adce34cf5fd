"""A cluster of Redis or Valkey: a client of the node that has Weir's keys, which are all in one slot.

redis-py's own client of a cluster sends each command where its keys are. Here they are on one node: a plain client of
it reads all runs with one blocking command, and its scripts and pipelines are those of a single Redis.
"""

from typing import Any
from urllib.parse import urlsplit

import redis
from redis.connection import Connection, ConnectionPool, SSLConnection, parse_url
from redis.crc import key_slot
from redis.exceptions import AskError, ClusterDownError, MovedError, RedisError, TryAgainError

from weir.replicas import redis_keys

SCHEMES = ("redis+cluster", "rediss+cluster")
PORT = 6_379
SLOT = key_slot(redis_keys.TAG)


class Cluster:
    """What is known of a cluster. `options` are those of a connection to any of its nodes."""

    def __init__(self, nodes: list[tuple[str, int]], options: dict[str, Any]) -> None:
        self._given = nodes
        self._known: list[tuple[str, int]] = []
        self._options = options

    def owner(self) -> tuple[str, int]:
        """Ask one node after another who has the slot, and return its host and port. Raises ConnectionError."""
        problem: Exception | None = None
        for host, port in dict.fromkeys([*self._known, *self._given]):
            try:
                with redis.Redis(host=host, port=port, **self._options) as client:
                    slots = client.execute_command("CLUSTER SLOTS")
            except (RedisError, OSError) as error:
                problem = error
                continue
            # Each range of slots has its first and last one, and its nodes, of which the first is the master. Without
            # a host it is the one that was asked.
            ranges = [
                (first, last, [((node[0] or host.encode()).decode(), node[1]) for node in nodes])
                for first, last, *nodes in slots
            ]
            self._known = [node for *_, nodes in ranges for node in nodes]
            for first, last, nodes in ranges:
                if first <= SLOT <= last:
                    return nodes[0]
            problem = ClusterDownError(f"no node has slot {SLOT}")
        raise redis.ConnectionError(f"no node of the cluster says who has Weir's keys: {problem}")


class _OwnerConnection(Connection):
    """A connection to the node that has the slot at the time at which it connects."""

    def __init__(self, *, cluster: Cluster, **options: Any) -> None:
        super().__init__(**options)  # type: ignore[no-untyped-call]
        self._cluster = cluster

    def connect(self) -> None:
        if not self.is_connected:
            self.host, self.port = self._cluster.owner()
        super().connect()  # type: ignore[no-untyped-call]

    def read_response(self, *arguments: Any, **options: Any) -> Any:
        try:
            return super().read_response(*arguments, **options)
        except (MovedError, AskError, ClusterDownError, TryAgainError) as error:
            # The slot moves, or has moved: the next command connects anew, to whoever has it then.
            self.disconnect()  # type: ignore[no-untyped-call]
            raise redis.ConnectionError(f"the cluster is changing: {error}") from error


class _OwnerSSLConnection(_OwnerConnection, SSLConnection):
    """The same over TLS."""


def cluster_client(url: str, **options: Any) -> redis.Redis:
    """Return a client for `redis+cluster://user:password@host:port,host:port`; `rediss+cluster://` is with TLS.

    Options are those of the client for one Redis, as are those in the address. Raises ValueError if it is none.
    """
    parts = urlsplit(url)
    if parts.path.strip("/") not in ("", "0"):
        raise ValueError("a cluster has no database but 0")
    credentials, _, hosts = parts.netloc.rpartition("@")
    scheme = parts.scheme.partition("+")[0]
    nodes = [_node(host) for host in hosts.split(",")]
    one = parts._replace(scheme=scheme, netloc=f"{credentials}@{nodes[0][0]}").geturl()
    given = dict(parse_url(one))  # type: ignore[no-untyped-call]
    for name in ("host", "port", "db", "connection_class"):
        given.pop(name, None)
    options |= given
    is_safe = scheme == "rediss"
    cluster = Cluster(nodes, options | {"ssl": True} if is_safe else options)
    connection: Any = _OwnerSSLConnection if is_safe else _OwnerConnection
    return redis.Redis.from_pool(ConnectionPool(connection_class=connection, cluster=cluster, **options))


def _node(host: str) -> tuple[str, int]:
    parts = urlsplit(f"//{host}")
    if not parts.hostname:
        raise ValueError("the address of a cluster has a host and a port for each node")
    return parts.hostname, parts.port or PORT

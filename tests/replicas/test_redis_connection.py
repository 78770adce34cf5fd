"""Addresses of Redis: with TLS and a password, and what names another master when the first one is gone."""

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import redis

from tests.support.app_process import free_port
from tests.support.redis_process import RedisProcess, redis_process, redis_program
from tests.support.replica_parts import Replica, replica
from tests.support.waiting import until
from weir.replicas import redis_keys
from weir.replicas.redis_check import RedisCheckError, check_redis
from weir.runs.recording_file import to_jsonl
from weir.runs.run import Run

PASSWORD = "a password: with @ and /"
QUOTED = "a%20password%3A%20with%20%40%20and%20%2F"
SUBJECT = ("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1")


def whole_run(here: Replica, there: Replica) -> Run:
    """Start a run, follow it at another replica, end it, and return it."""
    run, steps = here.start()
    steps.step("a", "b")
    here.archive.await_begun(run)
    copy = there.archive.get(run.id)
    steps.end()
    assert copy.wait(60)
    assert list(to_jsonl(copy)) == list(to_jsonl(run))
    return run


def assert_nothing_is_lost(url: str, run: Run, copy: Run, ended: Run) -> None:
    """Wait for the end of a run and of its copy; they are the same, and a new replica reads a run from before."""
    assert run.wait(60)
    assert copy.wait(60)
    assert list(to_jsonl(copy)) == list(to_jsonl(run))
    with replica(url) as late:
        assert list(to_jsonl(late.archive.get(ended.id))) == list(to_jsonl(ended))


def test_replicas_share_runs_over_tls_with_a_password(tmp_path: Path) -> None:
    key, certificate, port = tmp_path / "key.pem", tmp_path / "certificate.pem", free_port()
    made = ("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", *SUBJECT)
    subprocess.run([*made, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    files = ("--tls-key-file", str(key), "--tls-cert-file", str(certificate), "--tls-ca-cert-file", str(certificate))
    tls = ("--tls-port", str(port), *files, "--tls-auth-clients", "no", "--tls-cluster", "yes")
    # A cluster of one node, which a plain client can use, too.
    options = (*tls, "--cluster-enabled", "yes", "--cluster-port", str(free_port()))
    with redis_process(tmp_path / "redis", *options, password=PASSWORD) as server:
        with server.client() as client:
            asked: Any = client
            asked.execute_command("CLUSTER ADDSLOTSRANGE", 0, 16383)
            until(lambda: asked.execute_command("CLUSTER INFO")["cluster_state"] == "ok")
        bare = f"rediss://:{QUOTED}@127.0.0.1:{port}/0"
        with pytest.raises(RedisCheckError, match=r"cannot be reached.*CERTIFICATE_VERIFY_FAILED"):
            check_redis(bare)
        url = f"{bare}?ssl_ca_certs={certificate}"
        check_redis(url)
        with pytest.raises(RedisCheckError, match="refuses Weir"):
            check_redis(url.replace(QUOTED, "wrong"))
        with replica(url) as here, replica(url.replace("rediss", "rediss+cluster")) as there:
            whole_run(here, there)
            whole_run(there, here)


@contextmanager
def sentinel(folder: Path, master: int) -> Iterator[int]:
    """Run a Sentinel that watches a master of the service `weir`, and yield its port."""
    port, file = free_port(), folder / "sentinel.conf"
    lines = (
        f"port {port}",
        "bind 127.0.0.1",
        f"sentinel monitor weir 127.0.0.1 {master} 1",
        f'sentinel auth-pass weir "{PASSWORD}"',
        "sentinel down-after-milliseconds weir 1000",
        "sentinel failover-timeout weir 5000",
    )
    file.write_text("\n".join(lines), encoding="ascii")
    with subprocess.Popen([redis_program(), str(file), "--sentinel"], stdout=subprocess.DEVNULL) as process:
        try:
            yield port
        finally:
            process.kill()


def test_replicas_follow_sentinels_to_another_master(tmp_path: Path) -> None:
    with ExitStack() as stack:
        first = stack.enter_context(redis_process(tmp_path / "first", password=PASSWORD))
        options = ("--replicaof", "127.0.0.1", str(first.port))
        second = stack.enter_context(redis_process(tmp_path / "second", *options, password=PASSWORD))
        port = stack.enter_context(sentinel(tmp_path, first.port))
        client, watcher = stack.enter_context(second.client()), stack.enter_context(redis.Redis(port=port, protocol=2))
        until(lambda: is_followed(watcher) and client.info("replication")["master_link_status"] == "up")
        url = f"redis+sentinel://:{QUOTED}@127.0.0.1:{port}/weir"
        check_redis(url)
        here, there = (stack.enter_context(replica(url)) for _ in range(2))
        ended = whole_run(here, there)
        run, steps = here.start()
        steps.step("before")
        here.archive.await_begun(run)
        copy = there.archive.get(run.id)
        first.kill()
        steps.step("after")
        until(lambda: client.info("replication")["role"] == "master")
        until(lambda: not here.group.problem and not there.group.problem)
        steps.end()
        assert_nothing_is_lost(url, run, copy, ended)


@contextmanager
def cluster(folder: Path) -> Iterator[list[RedisProcess]]:
    """Run a cluster, and yield its nodes: three masters, of which the first has Weir's keys, and a replica of that."""
    with ExitStack() as stack:
        nodes, buses = [], []
        for name in ("first", "second", "third", "spare"):
            buses.append(free_port())
            options = ("--cluster-enabled", "yes", "--cluster-node-timeout", "1000", "--cluster-port", str(buses[-1]))
            nodes.append(stack.enter_context(redis_process(folder / name, *options, password=PASSWORD)))
        clients: list[Any] = [stack.enter_context(node.client()) for node in nodes]
        for client, (first, last) in zip(clients, ((0, 5460), (5461, 10922), (10923, 16383)), strict=False):
            client.execute_command("CLUSTER ADDSLOTSRANGE", first, last)
        for node, bus in list(zip(nodes, buses, strict=True))[1:]:
            clients[0].execute_command("CLUSTER MEET", "127.0.0.1", node.port, bus)
        until(lambda: all(client.execute_command("CLUSTER INFO")["cluster_known_nodes"] == "4" for client in clients))
        clients[-1].execute_command("CLUSTER REPLICATE", clients[0].execute_command("CLUSTER MYID"))
        until(lambda: all(client.execute_command("CLUSTER INFO")["cluster_state"] == "ok" for client in clients))
        until(lambda: clients[-1].info("replication").get("master_link_status") == "up")
        yield nodes


def test_replicas_follow_a_cluster_to_another_node(tmp_path: Path) -> None:
    with ExitStack() as stack:
        first, second, third, spare = stack.enter_context(cluster(tmp_path))
        url = f"redis+cluster://:{QUOTED}@127.0.0.1:{second.port},127.0.0.1:{third.port}"
        check_redis(url)
        with pytest.raises(RedisCheckError, match="no node of the cluster says"):
            check_redis(url.replace(QUOTED, "wrong"))
        here, there = (stack.enter_context(replica(url)) for _ in range(2))
        ended = whole_run(here, there)
        run, steps = here.start()
        steps.step("before")
        here.archive.await_begun(run)
        copy = there.archive.get(run.id)

        def goes_on_at(node: RedisProcess) -> None:
            client: Any
            with node.client() as client:
                until(lambda: client.info("replication")["role"] == "master")
                number = len(run.events)
                steps.step("after")
                until(lambda: number < len(run.events) == len(copy.events))
                assert client.exists(redis_keys.events(run.id))
            until(lambda: not here.group.problem and not there.group.problem)

        asked: Any
        with spare.client() as asked:
            # The first one goes on, and sends whoever asks it to the other one.
            asked.execute_command("CLUSTER FAILOVER")
        goes_on_at(spare)
        with first.client() as asked:
            until(lambda: asked.info("replication").get("master_link_status") == "up")
        spare.kill()
        goes_on_at(first)
        steps.end()
        assert_nothing_is_lost(url, run, copy, ended)


def is_followed(watcher: Any) -> bool:
    """Whether the Sentinel answers, and knows the second Redis."""
    try:
        return bool(watcher.execute_command("SENTINEL", "REPLICAS", "weir"))
    except redis.ConnectionError:
        return False

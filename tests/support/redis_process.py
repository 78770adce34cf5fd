"""A Redis in a process of its own, on loopback, that a test can kill, stop and start again."""

import contextlib
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import redis

from tests.support.app_process import free_port


def redis_program() -> str:
    """Return the path of the server."""
    program = shutil.which("redis-server") or shutil.which("valkey-server")
    assert program, "tests/replicas/redis.sh installs it"
    return program


class RedisProcess:
    """A redis-server (or valkey-server) whose data is in `folder`."""

    def __init__(self, folder: Path, *options: str, password: str = "") -> None:
        self.port = free_port()
        self.url = f"redis://{f':{password}@' if password else ''}127.0.0.1:{self.port}/0"
        self._password = password
        self._folder = folder
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it answers."""
        options = ["--bind", "127.0.0.1", "--port", str(self.port), "--save", "", "--appendonly", "yes"]
        if self._password:
            options += ["--requirepass", self._password, "--masterauth", self._password]
        command = [redis_program(), *options, "--dir", str(self._folder), *self._options]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            with contextlib.suppress(redis.ConnectionError), self.client() as client:
                client.ping()
                return
            time.sleep(0.02)
        raise TimeoutError("Redis did not start")

    def client(self) -> "redis.Redis":
        """Return a client; it is used in a `with` block."""
        return redis.Redis(port=self.port, password=self._password or None)

    def kill(self) -> None:
        """Kill it. Its data is on disk up to the last second."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(timeout=60)
            self._process = None

    def lose_data(self) -> None:
        """Remove what a killed Redis has on disk."""
        shutil.rmtree(self._folder)
        self._folder.mkdir()

    def pause(self) -> None:
        """Let it answer no more, as a machine that is gone."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)


@contextlib.contextmanager
def redis_process(folder: Path, *options: str, password: str = "") -> Iterator[RedisProcess]:
    """Start a Redis for the duration of a `with` block."""
    folder.mkdir(exist_ok=True)
    server = RedisProcess(folder, *options, password=password)
    server.start()
    try:
        yield server
    finally:
        server.kill()

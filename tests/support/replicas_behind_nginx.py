"""Replicas at ports that stay the same, behind nginx, that are ended and started again one by one."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.support.app_process import free_port
from tests.support.nginx_process import Nginx, nginx
from tests.support.replica_process import ReplicaProcess, replica_process


class ReplicasBehindNginx:
    """Running replicas, each with a data folder that outlives its process, and nginx in front of them."""

    nginx: Nginx

    def __init__(self, count: int, folder: Path, redis_url: str, model_url: str, environment: dict[str, str]) -> None:
        self.ports = [free_port() for _ in range(count)]
        self._folder = folder
        self._urls = (redis_url, model_url)
        self._environment = environment
        self._stacks = [ExitStack() for _ in range(count)]
        self.processes: list[ReplicaProcess] = []

    def start(self, number: int) -> ReplicaProcess:
        """Start one, and wait until it answers."""
        environment = {"WEIR_DATA": str(self._folder / f"data-{number}")} | self._environment
        process = replica_process(*self._urls, self.ports[number], **environment)
        return self._stacks[number].enter_context(process)

    def restart(self, number: int) -> None:
        """Start one again that has ended."""
        self.processes[number] = self.start(number)

    def kill(self, number: int) -> None:
        """Kill one (SIGKILL), if it has not ended."""
        self._stacks[number].close()


@contextmanager
def replicas_behind_nginx(
    count: int, folder: Path, redis_url: str, model_url: str, **environment: str
) -> Iterator[ReplicasBehindNginx]:
    """Run so many replicas for the duration of a `with` block; their data is in `folder`."""
    with ExitStack() as stack:
        replicas = ReplicasBehindNginx(count, folder, redis_url, model_url, environment)
        for number in range(count):
            stack.callback(replicas.kill, number)
            replicas.processes.append(replicas.start(number))
        replicas.nginx = stack.enter_context(nginx(folder / "nginx", replicas.ports))
        yield replicas

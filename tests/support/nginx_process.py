"""nginx in front of several replicas, on loopback, with the configuration of `deploy/`.

Its header `X-Replica` says where an answer comes from; where several were asked, the last one.
"""

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil

from tests.support.app_process import ROOT, free_port
from tests.support.replica_process import answers
from tests.support.waiting import until

CONFIGURATION = """
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    add_header X-Replica $upstream_addr always;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/weir.conf;
}}
"""


class Nginx:
    """The running nginx."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.pid = 0
        self._folder = folder

    def configure(self, ports: Sequence[int]) -> None:
        """Write the configuration for replicas at these ports."""
        servers = "\n".join(f"    server 127.0.0.1:{there} max_fails=0;" for there in ports)
        deployed = (ROOT / "deploy" / "nginx.conf").read_text(encoding="ascii")
        deployed, count = re.subn(r"(    server weir-\d:8501 .*;\n)+", f"{servers}\n", deployed)
        assert count == 2
        deployed = deployed.replace("listen 8080;", f"listen 127.0.0.1:{self.port};")
        deployed = deployed.replace("/dev/stdout", f"{self._folder}/access.log")
        (self._folder / "weir.conf").write_text(deployed, encoding="ascii")

    def lead_to(self, ports: Sequence[int]) -> None:
        """Have all new requests go to these ports, as a balancer does that follows the replicas' health."""
        self.configure(ports)
        before = self._workers()
        os.kill(self.pid, signal.SIGHUP)
        until(lambda: (now := self._workers()) and not now & before)

    def _workers(self) -> set[int]:
        """Return the processes that take new requests."""
        children = psutil.Process(self.pid).children()
        return {child.pid for child in children if "shutting down" not in " ".join(child.cmdline())}


@contextmanager
def nginx(folder: Path, ports: Sequence[int]) -> Iterator[Nginx]:
    """Start nginx in front of these ports."""
    program = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    assert program, "tests/replicas/redis.sh installs it"
    folder.mkdir(exist_ok=True)
    running = Nginx(folder)
    running.configure(ports)
    file = folder / "nginx.conf"
    file.write_text(CONFIGURATION.format(folder=folder), encoding="ascii")
    user = ["-g", "user root;"] if os.getuid() == 0 else []
    with subprocess.Popen([program, "-c", str(file), "-e", str(folder / "error.log"), *user]) as process:
        try:
            until(lambda: answers(running.port))
            running.pid = process.pid
            yield running
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=60)

"""nginx in front of several replicas, on loopback: whoever comes back may come to another one."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx2

from tests.support.app_process import free_port
from tests.support.waiting import until

CONFIGURATION = """
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    upstream weir {{
{servers}
    }}
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://weir;
            proxy_http_version 1.1;
            proxy_set_header Connection '';
            proxy_set_header Host 127.0.0.1;
            proxy_buffering off;
            proxy_read_timeout 120s;
            proxy_next_upstream error timeout http_503;
        }}
    }}
}}
"""


@contextmanager
def nginx(folder: Path, ports: Sequence[int]) -> Iterator[str]:
    """Start nginx in front of these ports, in turns, and yield its address."""
    program = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    assert program, "tests/replicas/redis.sh installs it"
    folder.mkdir(exist_ok=True)
    port = free_port()
    servers = "\n".join(f"        server 127.0.0.1:{there} max_fails=0;" for there in ports)
    file = folder / "nginx.conf"
    file.write_text(CONFIGURATION.format(folder=folder, servers=servers, port=port), encoding="ascii")
    user = ["-g", "user root;"] if os.getuid() == 0 else []
    with subprocess.Popen([program, "-c", str(file), "-e", str(folder / "error.log"), *user]) as process:
        try:
            until(lambda: _answers(port))
            yield f"http://127.0.0.1:{port}"
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=60)


def _answers(port: int) -> bool:
    try:
        return httpx2.get(f"http://127.0.0.1:{port}/api/health", timeout=10).status_code == 200
    except httpx2.TransportError:
        return False

"""Python with its imports done: a command of a test starts in a tenth of a second where LangChain's import takes two.

A server imports modules once and forks for each command. What a test starts is a small client, in place of
`sys.executable`: it hands its standard streams, arguments, folder and environment to the server, passes signals on, and
ends as the command does. What a command imports, and how long that takes, is for tests of `sys.executable` itself.
"""

import atexit
import functools
import gc
import importlib
import json
import os
import runpy
import select
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from tests.support.preloaded_client import LENGTH, SIGNALS

ROOT = Path(__file__).parents[2]
COMMAND = (
    "langchain_openai",
    "langgraph.graph",
    "rich.live",
    "tqdm",
    "weir.cli.chat_command",
    "weir.cli.record_command",
)
"""What makes the start of the `weir` command take long."""
APP = (
    "streamlit.web.cli",
    "streamlit.web.bootstrap",
    "uvicorn",
    "chains.registry",
    "weir.app.create_app",
    "openai.resources.beta.beta",
    "openai.resources.chat",
    "pandas",
    "altair",
)
"""What makes the start of the app, its first question and its first pages take long."""
SHARED = "TEST_PRELOADED_PYTHON"
"""The environment variable with the address of the server that the workers of pytest-xdist come from."""


def preloaded_python(*modules: str) -> Sequence[str]:
    """Return the start of a command line with these modules imported, which `-m MODULE ARGUMENTS…` follows.

    The server ends with this process, or with the one whose worker this is.
    """
    return _client(os.environ.get(SHARED) or _serving(modules))


def preloaded_workers() -> str:
    """Return the command line of a Python for workers, and have them start their commands from the same server."""
    os.environ[SHARED] = _serving((*APP, *COMMAND))
    return shlex.join(_client(os.environ[SHARED]))


def _client(address: str) -> Sequence[str]:
    return (sys.executable, "-I", "-S", str(Path(__file__).with_name("preloaded_client.py")), address)


@functools.cache
def _serving(modules: Sequence[str]) -> str:
    """Start a server with these modules, and return its address."""
    folder = tempfile.TemporaryDirectory()
    atexit.register(folder.cleanup)
    path = f"{folder.name}/socket"
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.support.preloaded_python", path, *modules],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    atexit.register(_stop, server)
    assert server.stdout is not None
    assert server.stdout.readline() == b"ready\n"
    return path


def _stop(server: "subprocess.Popen[bytes]") -> None:
    assert server.stdin is not None
    server.stdin.close()
    server.wait()


def serve(path: str, modules: Sequence[str]) -> None:
    """Fork for each client until standard input ends. Returns in the forked processes too, when their command ends."""
    # Workers of pytest find the modules imported: what they warn of is an error here.
    with warnings.catch_warnings(action="error"):
        for module in modules:
            importlib.import_module(module)
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        while True:
            ready, _, _ = select.select([listener.fileno(), 0], [], [])
            if 0 in ready:
                return
            connection, _ = listener.accept()
            if os.fork() == 0:
                break
            connection.close()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    _run(connection)


def _run(connection: socket.socket) -> None:
    """Run one command in a process of its own, and kill it where the client is killed."""
    head, descriptors, _, _ = socket.recv_fds(connection, LENGTH.size, 3)
    with connection.makefile("rb") as received:
        request = json.loads(received.read(*LENGTH.unpack(head)))
    if (process := os.fork()) == 0:
        connection.close()
        _become(request, descriptors)
        return
    for descriptor in (0, 1, 2, *descriptors):
        os.close(descriptor)
    connection.sendall(b"%d\n" % process)
    ended = os.pidfd_open(process)
    ready, _, _ = select.select([ended, connection.fileno()], [], [])
    if ended not in ready:
        os.kill(process, signal.SIGKILL)
        os._exit(0)
    connection.sendall(b"%d\n" % os.waitpid(process, 0)[1])
    os._exit(0)


def _become(request: Any, descriptors: Sequence[int]) -> None:
    """Run `-m MODULE ARGUMENTS…` or `-u -c CODE` as Python would, to the end of this process."""
    for number, descriptor in enumerate(descriptors):
        os.dup2(descriptor, number)
        os.close(descriptor)
    for number in SIGNALS:
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    option, *arguments = request["arguments"]
    unbuffered = option == "-u" or bool(os.environ.get("PYTHONUNBUFFERED"))
    sys.stdin = os.fdopen(0, encoding="utf-8", closefd=False)
    sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False)
    sys.stdout.reconfigure(line_buffering=sys.stdout.isatty(), write_through=unbuffered)
    sys.stderr = os.fdopen(2, "w", 1, encoding="utf-8", errors="backslashreplace", closefd=False)
    sys.path[0] = os.getcwd()
    folders = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    sys.path[1:1] = [folder for folder in folders if folder and folder not in sys.path]
    try:
        if option == "-u":
            sys.argv = ["-c"]
            exec(arguments[1], vars(sys.modules["__main__"]))
        else:
            sys.argv = arguments
            runpy.run_module(arguments[0], run_name="__main__", alter_sys=True)
    except SystemExit as ended:
        if not isinstance(ended.code, int | None):
            raise
        _end(ended.code or 0)
    _end(0)


def _end(code: int) -> NoReturn:
    """End as Python does, but for taking all modules apart: a tenth of a second."""
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    serve(sys.argv[1], sys.argv[2:])

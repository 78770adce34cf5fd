"""The client of `preloaded_python`: a script of the standard library alone, which starts in a few milliseconds."""

import json
import os
import signal
import socket
import struct
import sys
from types import FrameType

LENGTH = struct.Struct("!I")
"""Of the request in bytes, which follows."""
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run(path: str, arguments: list[str]) -> int:
    """Have the server at `path` run a command, and return the command's exit status as `os.wait` has it."""
    process = 0
    early: list[int] = []

    def pass_on(number: int, frame: FrameType | None) -> None:
        os.kill(process, number) if process else early.append(number)

    for received in SIGNALS:
        signal.signal(received, pass_on)
    request = json.dumps({"arguments": arguments, "folder": os.getcwd(), "environment": dict(os.environ)}).encode()
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)
        socket.send_fds(connection, [LENGTH.pack(len(request))], [0, 1, 2])
        connection.sendall(request)
        with connection.makefile("rb") as answers:
            process = int(answers.readline())
            for number in early:
                os.kill(process, number)
            return int(answers.readline())


if __name__ == "__main__":
    code = os.waitstatus_to_exitcode(run(sys.argv[1], sys.argv[2:]))
    if code < 0:
        if -code != signal.SIGKILL:
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code)

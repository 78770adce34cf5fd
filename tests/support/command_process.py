"""The `weir` command as a process of its own, in a pseudo-terminal or between pipes, read as it writes."""

import contextlib
import fcntl
import os
import pty
import signal
import struct
import subprocess
import termios
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tests.support.app_process import CLEAN_ENVIRONMENT, ROOT
from tests.support.preloaded_python import COMMAND, preloaded_python

TIMEOUT_SECONDS = 120.0
"""For what a process writes on a busy machine."""


class Capture:
    """What a process has written to one of its streams so far."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._content = bytearray()
        self._changed = threading.Condition()
        self._ended = False
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    @property
    def text(self) -> str:
        with self._changed:
            return self._content.decode("utf-8", errors="replace")

    def wait_for(self, text: str) -> None:
        """Wait until the stream has this text. Raises AssertionError if it ends before."""
        with self._changed:
            arrived = self._changed.wait_for(lambda: self._has(text) or self._ended, TIMEOUT_SECONDS)
            assert arrived, self._content
            assert self._has(text), self._content

    def wait_for_prompt(self, prompt: str) -> None:
        """Wait until the stream ends with a prompt: what is typed before may be lost."""
        with self._changed:
            arrived = self._changed.wait_for(lambda: self._content.endswith(prompt.encode()), TIMEOUT_SECONDS)
            assert arrived, self._content

    def wait_for_end(self) -> None:
        """Wait until the process has closed the stream."""
        self._thread.join(timeout=TIMEOUT_SECONDS)

    def close(self) -> None:
        self.wait_for_end()
        os.close(self._descriptor)

    def _has(self, text: str) -> bool:
        return text.encode() in self._content

    def _read(self) -> None:
        while True:
            try:
                part = os.read(self._descriptor, 65_536)
            except OSError:  # Linux reports the end of a pseudo-terminal so.
                part = b""
            with self._changed:
                self._content += part
                self._ended = not part
                self._changed.notify_all()
            if not part:
                return


class CommandProcess:
    """A running command. In a terminal `output` has both of its streams, as a person sees them."""

    def __init__(self, process: subprocess.Popen[bytes], output: Capture, errors: Capture, typed: int | None) -> None:
        self._process = process
        self.output = output
        self.errors = errors
        self._typed = typed

    def type(self, text: str) -> None:
        """Type into the terminal, or write to standard input."""
        if self._typed is not None:
            os.write(self._typed, text.encode())
            return
        assert self._process.stdin is not None
        self._process.stdin.write(text.encode())
        self._process.stdin.flush()

    def end_input(self) -> None:
        """Close standard input."""
        assert self._process.stdin is not None
        self._process.stdin.close()

    def interrupt(self) -> float:
        """Press Ctrl-C, and return when, in `time.monotonic()` seconds."""
        at = time.monotonic()
        if self._typed is not None:
            self.type("\x03")
        else:
            self._process.send_signal(signal.SIGINT)
        return at

    def poll(self) -> int | None:
        """Return the exit code; None while it runs."""
        return self._process.poll()

    def wait(self) -> int:
        """Wait for the end and return the exit code."""
        code = self._process.wait(timeout=TIMEOUT_SECONDS)
        self.output.wait_for_end()
        self.errors.wait_for_end()
        return code


@contextlib.contextmanager
def running_command(
    folder: Path,
    *arguments: str,
    url: str = "http://127.0.0.1:9/v1",
    terminal: bool = False,
    size: tuple[int, int] = (24, 80),
    program: Sequence[str] = ("-m", "weir"),
    environment: Mapping[str, str] | None = None,
) -> Iterator[CommandProcess]:
    """Start the command in a folder, in a pseudo-terminal of `size` (rows, columns) or between pipes."""
    variables = {
        **CLEAN_ENVIRONMENT,
        "PYTHONPATH": str(ROOT),
        "OPENAI_BASE_URL": url,
        "WEIR_DATA": str(folder / "data"),
        "TERM": "xterm-256color",
        "LANG": "C.UTF-8",
        **(environment or {}),
    }
    # pytest-xdist sets these, and they would count more than the terminal's size.
    for name in ("COLUMNS", "LINES"):
        variables.pop(name, None)
    command = [*preloaded_python(*COMMAND), *program, *arguments]
    if terminal:
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=variables,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(slave)
        output = errors = Capture(master)
        typed: int | None = master
    else:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=variables,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert process.stdout is not None
        assert process.stderr is not None
        output, errors = Capture(os.dup(process.stdout.fileno())), Capture(os.dup(process.stderr.fileno()))
        process.stdout.close()
        process.stderr.close()
        typed = None
    try:
        yield CommandProcess(process, output, errors, typed)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        for capture in {id(capture): capture for capture in (output, errors)}.values():
            capture.close()
        if process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                process.stdin.close()

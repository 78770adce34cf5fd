"""The engine's child process, as its parent uses it: configuration, answer, log and end."""

import contextlib
import json
import os
import subprocess
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

LOG_LINES = 50
"""Lines kept of what the process printed, for when it fails."""

GRACE_SECONDS = 3.0
"""Seconds between closing the input of a process that serves and killing it."""

_HOME = Path(__file__).parents[3]


class ServerProcess:
    """One process. Raises OSError where it cannot be started. All methods may be called from any thread.

    `config` goes to its standard input as one JSON line, so that its key is in no argument list.
    """

    def __init__(self, command: Sequence[str], config: Mapping[str, object]) -> None:
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(
            command, stdin=pipe, stdout=pipe, stderr=pipe, cwd=_HOME, text=True, encoding="utf-8", errors="replace"
        )
        self._ending = threading.Lock()
        self._has_answer = threading.Event()
        self._killed_by_us = False
        self._line = ""
        self._log: deque[str] = deque(maxlen=LOG_LINES)
        assert self._process.stdin
        assert self._process.stdout
        assert self._process.stderr
        # Each output is read and closed by the same thread: closing it from another would wait for the read to end.
        self._readers = [
            threading.Thread(target=self._listen, args=(self._process.stdout,), name="weir-engine-answer", daemon=True),
            threading.Thread(target=self._drain, args=(self._process.stderr,), name="weir-engine-log", daemon=True),
        ]
        for reader in self._readers:
            reader.start()
        # A process that has already ended is noticed because it does not answer.
        with contextlib.suppress(OSError):
            self._process.stdin.write(json.dumps(config) + "\n")
            self._process.stdin.flush()

    @property
    def pid(self) -> int:
        return self._process.pid

    def has_answered(self, timeout: float) -> bool:
        """Block until the process has answered or closed its output, for at most `timeout` seconds."""
        return self._has_answer.wait(timeout)

    def answer(self) -> dict[str, str]:
        """Return `{"url": …}` or `{"error": …}`; anything else, or the last line of the log, is the error."""
        try:
            answer = json.loads(self._line)
        except ValueError:
            answer = None
        if isinstance(answer, dict) and answer.keys() & {"url", "error"}:
            return {key: str(value) for key, value in answer.items()}
        return {"error": self._line.strip() or self.last_log_line()}

    def resident(self) -> int | None:
        """Return the bytes of the process that are in memory; None if the system does not report it."""
        try:
            pages = int(Path(f"/proc/{self.pid}/statm").read_text(encoding="ascii").split()[1])
        except (OSError, ValueError, IndexError):
            return None
        return pages * os.sysconf("SC_PAGE_SIZE")

    def wait(self) -> None:
        """Block until the process has ended."""
        self._process.wait()

    def end(self) -> None:
        """Close the process's input, which asks it to end, and kill it if it has not ended within `GRACE_SECONDS`.

        One that is still loading does not read its input and has nothing to clean up: it is killed at once.
        """
        with self._ending:
            assert self._process.stdin
            with contextlib.suppress(OSError):
                self._process.stdin.close()
            try:
                self._process.wait(timeout=GRACE_SECONDS if self._has_answer.is_set() else 0)
            except subprocess.TimeoutExpired:
                self._killed_by_us = True
                self._process.kill()
                self._process.wait()
            for reader in self._readers:
                reader.join(timeout=1)

    @property
    def was_killed(self) -> bool:
        """Whether a signal ended the process, and not one of `end`. Known only after `end`, and never on Windows."""
        return (self._process.returncode or 0) < 0 and not self._killed_by_us

    def last_log_line(self) -> str:
        """Return the last line that the process printed. It is the last one for certain only after `end`."""
        return next((line for line in reversed(list(self._log)) if line.strip()), "It printed nothing.")

    def _listen(self, output: IO[str]) -> None:
        with output:
            self._line = output.readline()
            self._has_answer.set()
            output.read()

    def _drain(self, output: IO[str]) -> None:
        with output:
            for line in output:
                self._log.append(line.rstrip())

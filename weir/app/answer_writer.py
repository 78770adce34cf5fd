"""Writes answers into the library while they are being written, whether or not anybody looks at them."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from weir.analysis.metrics import root_chunk_text
from weir.runs.run import Run, Status
from weir.storage.records import MessageStatus
from weir.storage.repository import ConversationRepository
from weir.storage.storage_errors import ConversationNotFoundError, StorageError

WRITE_INTERVAL_SECONDS = 1.5
"""Seconds between two writes of an answer: what a killed process loses."""

ENDING_SECONDS = 1.0
"""What runs have to end when the process does: all of them together."""

CLOSE_SECONDS = 3.0
"""What the last writes may take."""

_LOG = logging.getLogger(__name__)
_UNDESCRIBED = {
    Status.DONE: MessageStatus.DONE,
    Status.STOPPED: MessageStatus.STOPPED,
    Status.ABANDONED: MessageStatus.STOPPED,
    Status.FAILED: MessageStatus.FAILED,
}
"""What is kept of how a run ended where its answer cannot be described."""


@dataclass(slots=True)
class _TrackedAnswer:
    visitor: str
    answer_id: str
    run: Run
    describe: Callable[[Run, str], tuple[MessageStatus, dict[str, Any]]]
    read: int = 0
    pieces: list[str] = field(default_factory=list)
    writing: threading.Lock = field(default_factory=threading.Lock)
    is_over: bool = False
    """Whether nothing more is to be written of it."""
    has_failed: bool = False
    """Whether the log has it that it cannot be written."""

    def text(self) -> str:
        events = self.run.events[self.read :]
        self.read += len(events)
        self.pieces += map(root_chunk_text, events)
        return "".join(self.pieces)


class AnswerWriter:
    """One thread for all answers of the process; it runs while there are any.

    However long the database takes for one answer, the pages of the others do not wait for it.
    """

    def __init__(self, library: ConversationRepository, *, every: float = WRITE_INTERVAL_SECONDS) -> None:
        self.problem: StorageError | None = None
        """Why the last write failed; None once one has succeeded."""
        self._library = library
        self._every = every
        self._lock = threading.Lock()
        self._kept: dict[str, _TrackedAnswer] = {}
        self._thread: threading.Thread | None = None
        self._closing = threading.Event()

    def track(
        self,
        visitor: str,
        answer_id: str,
        run: Run,
        describe: Callable[[Run, str], tuple[MessageStatus, dict[str, Any]]],
    ) -> None:
        """Keep an answer until its run has ended; `describe` then gives its status and details."""
        with self._lock:
            self._kept[answer_id] = _TrackedAnswer(visitor, answer_id, run, describe)
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="weir-keeper", daemon=True)
                self._thread.start()

    def flush(self, answer_id: str) -> None:
        """Write an answer now."""
        with self._lock:
            kept = self._kept.get(answer_id)
        if kept is not None:
            self._write(kept)

    def close(self) -> None:
        """Write everything once more and end. Waits for at most `CLOSE_SECONDS`."""
        self._closing.set()
        with self._lock:
            thread = self._thread
        if thread is not None:
            thread.join(timeout=CLOSE_SECONDS)

    def _work(self) -> None:
        while True:
            closing = self._closing.wait(self._every)
            with self._lock:
                written = dict(self._kept)
            until = time.monotonic() + ENDING_SECONDS
            for kept in written.values():
                if closing:
                    kept.run.wait(timeout=max(0.0, until - time.monotonic()))
                self._write(kept)
            with self._lock:
                came_meanwhile = self._kept.keys() - written.keys()
                if not self._kept or (closing and not came_meanwhile):
                    self._thread = None
                    return

    def _write(self, kept: _TrackedAnswer) -> None:
        """Write an answer; one that cannot be written stays, and is tried again. No other answer suffers from it."""
        with kept.writing:
            if not kept.is_over:
                kept.is_over = self._is_over_with(kept)
        if kept.is_over:
            with self._lock:
                self._kept.pop(kept.answer_id, None)

    def _is_over_with(self, kept: _TrackedAnswer) -> bool:
        """Write an answer once; return whether nothing more is to be written of it."""
        ended = not kept.run.is_live
        try:
            text = kept.text()
            status, details = self._described(kept, text) if ended else (MessageStatus.RUNNING, None)
            self._library.update_answer(kept.visitor, kept.answer_id, text, status=status, details=details)
        except StorageError as problem:
            self.problem = problem
            _LOG.warning("answer %s is not kept yet: %s", kept.answer_id, problem)
            return False
        except ConversationNotFoundError:
            # Its conversation was deleted for good meanwhile.
            self.problem = None
            return True
        except Exception:
            # Not the database's doing: the others go on. For one that has ended, trying again would not help.
            if not kept.has_failed:
                _LOG.exception("answer %s is not kept", kept.answer_id)
            kept.has_failed = True
        else:
            self.problem = None
        return ended

    def _described(self, kept: _TrackedAnswer, text: str) -> tuple[MessageStatus, dict[str, Any] | None]:
        """Return status and details of an answer that has ended; only a status where it cannot be described."""
        try:
            return kept.describe(kept.run, text)
        except Exception:
            _LOG.exception("answer %s cannot be described", kept.answer_id)
            return _UNDESCRIBED[kept.run.status], None

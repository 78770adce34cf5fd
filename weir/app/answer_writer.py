"""Answer writer: stores answers in their conversation during the run, whether or not a page shows them."""

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
"""Time between two writes of an answer. A killed process loses at most this much of it."""

RUNS_END_SECONDS = 1.0
"""Time for all runs together to end at the end of the process."""

CLOSE_SECONDS = 3.0
"""Time for the last writes."""

_LOG = logging.getLogger(__name__)
_FALLBACK_STATUSES = {
    Status.DONE: MessageStatus.DONE,
    Status.STOPPED: MessageStatus.STOPPED,
    Status.WAITING: MessageStatus.STOPPED,
    Status.ABANDONED: MessageStatus.STOPPED,
    Status.FAILED: MessageStatus.FAILED,
}
"""Status of an answer whose `describe` raises, by the status of its run."""


@dataclass(slots=True)
class _TrackedAnswer:
    visitor: str
    answer_id: str
    run: Run
    describe: Callable[[Run, str], tuple[MessageStatus, dict[str, Any]]]
    events_read: int = 0
    pieces: list[str] = field(default_factory=list)
    write_lock: threading.Lock = field(default_factory=threading.Lock)
    is_finished: bool = False
    """Whether nothing more is to be written."""
    is_error_logged: bool = False
    """Whether the log has a line that the answer cannot be written."""

    def text(self) -> str:
        events = self.run.events[self.events_read :]
        self.events_read += len(events)
        self.pieces += map(root_chunk_text, events)
        return "".join(self.pieces)


class AnswerWriter:
    """Writes the answers of all live runs on one thread, which exists while there are any.

    If the database takes long for one answer, the pages of the others do not wait for it.
    """

    def __init__(self, repository: ConversationRepository, *, interval_seconds: float = WRITE_INTERVAL_SECONDS) -> None:
        self.problem: StorageError | None = None
        """Error of the last write; None if it succeeded."""
        self._repository = repository
        self._interval_seconds = interval_seconds
        self._lock = threading.Lock()
        self._answers: dict[str, _TrackedAnswer] = {}
        self._thread: threading.Thread | None = None
        self._closing = threading.Event()

    def track(
        self,
        visitor: str,
        answer_id: str,
        run: Run,
        describe: Callable[[Run, str], tuple[MessageStatus, dict[str, Any]]],
        *,
        before: str = "",
    ) -> None:
        """Write an answer until its run has ended. `describe` then returns its status and details.

        `before` is the beginning of the answer, which the run continues.
        """
        with self._lock:
            self._answers[answer_id] = _TrackedAnswer(visitor, answer_id, run, describe, pieces=[before])
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="weir-answer-writer", daemon=True)
                self._thread.start()

    def flush(self, answer_id: str) -> None:
        """Write an answer now."""
        with self._lock:
            answer = self._answers.get(answer_id)
        if answer is not None:
            self._write(answer)

    def close(self) -> None:
        """Write all answers once more and end the thread. Waits for at most `CLOSE_SECONDS`."""
        self._closing.set()
        with self._lock:
            thread = self._thread
        if thread is not None:
            thread.join(timeout=CLOSE_SECONDS)

    def _work(self) -> None:
        while True:
            closing = self._closing.wait(self._interval_seconds)
            with self._lock:
                answers = dict(self._answers)
            deadline = time.monotonic() + RUNS_END_SECONDS
            for answer in answers.values():
                if closing:
                    answer.run.wait(timeout=max(0.0, deadline - time.monotonic()))
                self._write(answer)
            with self._lock:
                added_since = self._answers.keys() - answers.keys()
                if not self._answers or (closing and not added_since):
                    self._thread = None
                    return

    def _write(self, answer: _TrackedAnswer) -> None:
        """Write an answer. One that cannot be written is tried again, and does not affect the other answers."""
        with answer.write_lock:
            if not answer.is_finished:
                answer.is_finished = self._write_once(answer)
        if answer.is_finished:
            with self._lock:
                self._answers.pop(answer.answer_id, None)

    def _write_once(self, answer: _TrackedAnswer) -> bool:
        """Write an answer once. Return whether nothing more is to be written."""
        ended = not answer.run.is_live
        try:
            text = answer.text()
            status, details = self._describe(answer, text) if ended else (MessageStatus.RUNNING, None)
            self._repository.answers.update(answer.visitor, answer.answer_id, text, status=status, details=details)
        except StorageError as problem:
            self.problem = problem
            _LOG.warning("answer %s is not stored yet: %s", answer.answer_id, problem)
            return False
        except ConversationNotFoundError:
            # Its conversation has been purged.
            self.problem = None
            return True
        except Exception:
            # Not an error of the database. The other answers go on; an answer that has ended is not tried again.
            if not answer.is_error_logged:
                _LOG.exception("answer %s cannot be stored", answer.answer_id)
            answer.is_error_logged = True
        else:
            self.problem = None
        return ended

    def _describe(self, answer: _TrackedAnswer, text: str) -> tuple[MessageStatus, dict[str, Any] | None]:
        """Return status and details of an answer that has ended. If `describe` raises, only a status."""
        try:
            return answer.describe(answer.run, text)
        except Exception:
            _LOG.exception("answer %s cannot be described", answer.answer_id)
            return _FALLBACK_STATUSES[answer.run.status], None

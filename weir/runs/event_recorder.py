"""Event recorder: turns LangChain's events of one run into the run events of its record.

It redacts secrets, shares one component object among the events of a component, and closes components for which
LangChain reports no end: those that fail, and those that are interrupted by the end of the run.
"""

import uuid
from dataclasses import replace
from itertools import pairwise
from typing import Any

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.runnables.schema import StreamEvent

from weir.core import serialization
from weir.core.redaction import Redactor
from weir.core.run_event import Component, RunEvent, as_plain
from weir.runs.error_classification import RecordFullError, classify_error, safe_str
from weir.runs.failure_sentences import FailureKind
from weir.runs.graph_stream import is_graph_signal, is_interrupt
from weir.runs.memory_run import MemoryRun
from weir.runs.run import Status
from weir.runs.run_store import RunStore

MAX_CAUSES = 8
"""Causes of an error that are recorded with it."""

_INTERRUPTED_MESSAGES = {
    Status.DONE: "The run ended without waiting for this component.",
    Status.WAITING: "The run waits for a person; this component goes on when it is resumed.",
    Status.STOPPED: "The run was stopped while this component was at work.",
    Status.FAILED: "The run failed while this component was at work.",
    Status.ABANDONED: "The run was abandoned while this component was at work.",
}


class Interrupted(Exception):  # noqa: N818  # recordings hold this name as the error's type
    """The error of a component that did not fail itself: the run ended, or its graph was left, while it was at work."""

    def __init__(self, why: Status | BaseException) -> None:
        """`why` is the status with which the run ended, or the exception by which LangGraph left a node."""
        super().__init__(_INTERRUPTED_MESSAGES[why] if isinstance(why, Status) else _signal_message(why))


class ErrorCollector(BaseCallbackHandler):
    """Callback handler that collects the exception of each failed component: `astream_events` has no event for it."""

    run_inline = True

    def __init__(self, run: MemoryRun) -> None:
        self._run = run
        self.errors: dict[str, BaseException] = {}
        """By the component's run id, in the order in which the components failed."""
        self.has_interrupt = False
        """Whether a node of a graph has asked for a person."""

    def _collect(self, error: BaseException, *, run_id: uuid.UUID, **_: Any) -> None:
        # An error of a run that is being stopped is caused by the stop.
        if self._run.requested_status is None:
            self.has_interrupt = self.has_interrupt or is_interrupt(error)
            self.errors[str(run_id)] = error

    on_chain_error = on_llm_error = on_tool_error = on_retriever_error = _collect


class EventRecorder:
    """Writes the events of one run. All methods are called on the background loop."""

    def __init__(self, run: MemoryRun, store: RunStore, redactor: Redactor) -> None:
        self.error_collector = ErrorCollector(run)
        """Must be one of the callback handlers of the run."""
        self.is_answering = False
        """Whether a chat model has yielded a chunk."""
        self._run = run
        self._store = store
        self._redactor = redactor
        self._components: dict[str, Component] = {}
        self._redacted_components: dict[str, tuple[Component, Component]] = {}
        self._open: dict[str, RunEvent] = {}
        """Start events of the components that have not ended, by run id."""

    def record_stream_event(self, raw: StreamEvent, elapsed: float) -> None:
        """Record an event of `astream_events`."""
        self.record(raw["event"], self._component(raw), serialization.dumps(raw["data"]), elapsed)

    def record(self, event_name: str, component: Component, payload: bytes, elapsed: float) -> None:
        """Record an event. Ignores events that a thread emits after its run has ended."""
        if not self._run.is_live:
            return
        component = self._redacted(component)
        self._close_recovered_failures(before=component, elapsed=elapsed)
        event = self._append(event_name, component, payload, elapsed)
        stage = event.event.rsplit("_", 1)[-1]
        if stage == "start":
            self._open[event.run_id] = event
        elif stage in ("end", "error"):
            self._open.pop(event.run_id, None)
            self.error_collector.errors.pop(event.run_id, None)
        elif event.event == "on_chat_model_stream":
            self.is_answering = True

    def close_open_components(self, status: Status, elapsed: float) -> None:
        """Record an error event for each component that is still open when the run ends with this status."""
        errors = dict(self.error_collector.errors)
        failed = {run_id: error for run_id, error in errors.items() if isinstance(error, Exception)}
        for run_id in reversed([run_id for run_id in self._open if run_id not in failed]):
            self._close(run_id, Interrupted(status), elapsed)
        # In the order in which they failed: the first is where the error came from.
        for run_id in [run_id for run_id in failed if run_id in self._open]:
            self._close(run_id, failed[run_id], elapsed)

    def _component(self, raw: StreamEvent) -> Component:
        component = Component(
            name=raw["name"],
            run_id=raw["run_id"],
            parent_ids=tuple(raw["parent_ids"]),
            tags=tuple(raw.get("tags") or ()),
            metadata=raw.get("metadata") or {},
        )
        known = self._components.setdefault(component.run_id, component)
        return known if known == component else component

    def _redacted(self, component: Component) -> Component:
        """Return the component as plain JSON, without secrets in its name, tags and metadata."""
        original, redacted = self._redacted_components.get(component.run_id, (None, component))
        if original is not component:
            redacted = as_plain(component)
            fields = serialization.dumps([redacted.name, redacted.tags, redacted.metadata])
            redacted_fields = self._redactor.redact_json(fields)
            if redacted_fields != fields:
                name, tags, metadata = serialization.loads_big_ints(redacted_fields)
                redacted = replace(redacted, name=name, tags=tuple(tags), metadata=metadata)
            self._redacted_components[component.run_id] = component, redacted
        return redacted

    def _append(self, event_name: str, component: Component, payload: bytes, elapsed: float) -> RunEvent:
        payload, size_before = self._redactor.redact_json(payload), self._run.size
        event = self._run.append(RunEvent(len(self._run.events), elapsed, event_name, component, payload))
        if largest := self._store.add_bytes(self._run.size - size_before):
            error = RecordFullError(FailureKind.RECORD_FULL.message)
            largest.request_stop(Status.FAILED, classify_error(error, answering=True))
        return event

    def _close_recovered_failures(self, before: Component, elapsed: float) -> None:
        """Close failed components whose failure the chain recovered from: another component emits an event afterwards.

        `elapsed` is the time of that event. It may come from a thread, and is then earlier than now.
        """
        errors = self.error_collector.errors
        # A copy of the keys: components may fail on other threads during the loop.
        for run_id in [run_id for run_id in list(errors) if run_id in self._open]:
            if run_id != before.run_id and run_id not in before.parent_ids:
                self._close(run_id, errors[run_id], elapsed)

    def _close(self, run_id: str, error: BaseException, elapsed: float) -> None:
        start = self._open.pop(run_id)
        if is_graph_signal(error):
            error = Interrupted(error)
        details: dict[str, Any] = self._error_details(error)
        # A client library may wrap one error several times in an equal one.
        causes = [self._error_details(cause) for cause in _causes(error)]
        if distinct := [cause for before, cause in pairwise([details, *causes]) if cause != before]:
            details["causes"] = distinct
        payload = serialization.dumps({"error": details})
        self._append(f"on_{start.type}_error", start.component, payload, elapsed)
        self.error_collector.errors.pop(run_id, None)

    def _error_details(self, error: BaseException) -> dict[str, Any]:
        return {"type": type(error).__name__, "message": self._redactor.redact(safe_str(error))}


def _signal_message(signal: BaseException) -> str:
    if is_interrupt(signal):
        return "This component waits for a person, and begins again when the run is resumed."
    return "This component handed over to the graph around it."


def _causes(error: BaseException) -> list[BaseException]:
    """Return the chain of causes of an error, nearest first, as a traceback shows it."""
    causes: list[BaseException] = []
    while len(causes) < MAX_CAUSES:
        cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        if cause is None or cause in causes:
            break
        causes.append(cause)
        error = cause
    return causes

"""Weir's tail: sends the LangChain runs of any program to Weir as they happen, every token with its own time.

This one file works alone, with Python 3.10 and langchain-core 0.3 or newer, where Weir is not installed:

- `import weir_tail` in a notebook or a program attaches it, to http://127.0.0.1:8501 if WEIR_ATTACH names no address;
- named `sitecustomize.py` in a folder of PYTHONPATH it attaches every program for which WEIR_ATTACH is set.

WEIR_ATTACH_TOKEN is Weir's API token. WEIR_ATTACH_FILE is a folder for recordings, with or without a Weir.
WEIR_ATTACH_CONTENT=0 sends names, times and sizes in place of texts, =1 sends texts to another machine too.

It observes: it never changes what the program asks of its model, never blocks it and never raises. Weir's documentation
has the details (docs/attach.md).
"""

import atexit
import contextlib
import dataclasses
import json
import math
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Any

HOOK = "weir_tail"
"""Name of the context variable by which LangChain finds the handler, and by which a second tail finds the first."""

LANGCHAIN = "langchain_core.tracers.context"
"""Module that has the list of handlers for every run of a process. LangChain imports it before its first run."""

DEFAULT_URL = "http://127.0.0.1:8501"
BATCH_SECONDS = 0.06
INPUT_SECONDS = 0.3
"""Time that the input of a run may take to be known: that of a chain that streams is, when its first step begins."""

HEARTBEAT_SECONDS = 5.0
ANSWER_SECONDS = 5.0
"""For one answer of Weir: nobody waits for it but the tail's own thread. One that starts may be slow."""

TIMEOUT_SECONDS = 2.0
"""For the program's exit to wait for what is left to be sent. WEIR_ATTACH_TIMEOUT has another value."""

MAX_QUEUE = 16_000_000
"""Characters that wait to be sent. From three quarters on, inputs and outputs are left out; beyond, tokens."""

MAX_HISTORY = 8_000_000
"""Characters of live runs that are kept after they were sent, in case Weir is started anew and asks for them again."""

MAX_BODY, MAX_RUNS = 200_000, 200
"""Bytes, and runs, of one request. Its last line may go beyond: Weir takes 1 MB."""

MAX_EVENT = 120_000
"""Characters of one event. Of a larger one the long texts are cut."""

MAX_FIELDS = 30_000
"""Characters of a component's metadata, and of its name and tags. They are a part of each of its lines."""

MAX_TEXT, MAX_LABEL, MAX_LABELS, MAX_DEPTH, MAX_REPR, MAX_DETAIL = 2_000, 1_000, 1_000, 90, 500, 10_000
MAX_ENDED = 2_000
"""Runs that have ended and are not sent yet, as Weir is not there."""

_SECRET_NAME = re.compile(r"KEY|TOKEN|SECRET|PASSW|CREDENTIAL", re.IGNORECASE)
_APP = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*(\(.*\))?")
_SURROGATE = re.compile("[\ud800-\udfff]")
_KEPT_TEXTS = frozenset({"type", "role", "finish_reason", "model_name", "model_provider"})
_KEPT_VALUES = frozenset({"usage_metadata", "token_usage"})
_KEPT_METADATA = ("ls_", "langgraph_", "lc_")
_HIDDEN = "\u2022\u2022\u2022"

_INTERRUPTED = {
    "done": "The run ended without waiting for this component.",
    "waiting": "The run waits for a person; this component goes on when it is resumed.",
    "stopped": "The run was stopped while this component was at work.",
    "failed": "The run failed while this component was at work.",
}
_LEFT = "This component handed over to the graph around it."
_WAITS = "This component waits for a person, and begins again when the run is resumed."


class _Run:
    """One run of the program and the lines of its recording: line 0 is the header, line n + 1 the event n."""

    def __init__(self, run_id: str, name: str) -> None:
        self.id = run_id
        self.name = name
        self.created_at = time.time()
        self.started = time.monotonic()
        self.input = ""
        """The input as JSON; "" while it is not known."""
        self.lines: list[Any] = []
        self.first = 0
        """Number of the first line that is kept."""
        self.sent = 0
        """Number of lines that Weir has."""
        self.filed = 0
        """Number of lines in the file."""
        self.events = 0
        self.components: dict[Any, _Component] = {}
        self.has_interrupt = False
        self.has_ended = False
        self.omitted = 0
        self.dropped = 0

    @property
    def count(self) -> int:
        return self.first + len(self.lines)


class _Component:
    """A component of a run: what its events have in common."""

    __slots__ = (
        "fields",
        "has_ended",
        "has_root_input",
        "heads",
        "inputs",
        "is_root",
        "kind",
        "parent_ids",
        "rest",
        "rest_text",
        "run",
        "tool_call_id",
    )

    def __init__(self, run: _Run, kind: str, parent_ids: tuple[str, ...], fields: str) -> None:
        self.run = run
        self.kind = kind
        self.parent_ids = parent_ids
        self.fields = fields
        self.heads: dict[str, str] = {}
        self.inputs: Any = _MISSING
        self.is_root = self.has_root_input = not parent_ids
        self.has_ended = False
        self.tool_call_id: Any = None
        self.rest: dict[str, Any] = {}
        """Fields of the chunk before."""
        self.rest_text = ""


_MISSING: Any = object()


class Tail:
    """The queue of lines, and the thread that sends them. One a process; a forked process begins with an empty one."""

    def __init__(self, url: str, token: str, folder: str, has_content: bool) -> None:
        self.url = url.rstrip("/")
        self.token = token
        self.folder = folder
        self.has_content = has_content
        self.is_explained = False
        self._connection: Any = None
        self._begin()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(before=self._pause, after_in_parent=self._resume, after_in_child=self._begin)
        atexit.register(self.close)

    def _begin(self) -> None:
        self.program_id = os.urandom(16).hex()
        self.started_at = time.time()
        self.lock = threading.Lock()
        self.components: dict[Any, _Component] = {}
        self.last: tuple[Any, Any] = (None, None)
        """The component that has streamed last, by its run id: a UUID takes long to look up."""
        self._runs: dict[str, _Run] = {}
        self._queued = self._history = self.dropped = self.errors = 0
        self._wake = threading.Event()
        self._idle = threading.Event()
        self._is_awake = self._is_closing = self._is_paused = False
        self._thread: Any = None
        self._retry_at = self._asked_at = 0.0
        self._failures = 0
        self._connection = None
        self._is_known = False

    # On the program's threads.

    def start(self, kind: str, name: str, inputs: Any, run_id: Any, kwargs: Mapping[str, Any]) -> None:
        parent = self.components.get(kwargs.get("parent_run_id"))
        parent_ids: tuple[str, ...] = ()
        if parent is None:
            run = _Run(str(run_id), name)
        else:
            run, parent_ids = parent.run, (*parent.parent_ids, str(kwargs["parent_run_id"]))[-MAX_LABELS:]
        component = self._component(run, kind, name, run_id, parent_ids, kwargs)
        component.inputs = inputs
        component.tool_call_id = kwargs.get("tool_call_id")
        run.components[run_id] = self.components[run_id] = component
        if parent is not None:
            component.has_root_input = parent.has_root_input and _gets_input_of_parent(kwargs.get("tags"))
        if component.has_root_input and not run.input and _is_filled(inputs):
            run.input = self._json(inputs)
        if parent is None:
            with self.lock:
                self._runs[run.id] = run
                # LangChain does not know the input of a chain that streams before its first component has begun: the
                # header and the first event are written when they are sent.
                mark = f'{{"namespace":[],"payload":{{"content":{_encode(self.has_content)}}}}}'
                line = f'{{"seq":1,"at":0.0,"event":"on_weir_attached",{component.fields},"data":{mark}}}\n'
                run.lines = [None, component, line]
                run.events = 2
                self._queued += len(line)
            self._notify()
        else:
            value = {} if kind == "tool" and inputs is None else inputs
            self.emit(component, f"on_{kind}_start", {} if value is _MISSING else {"input": value})

    def _component(
        self, run: _Run, kind: str, name: str, run_id: Any, parent_ids: tuple[str, ...], kwargs: Mapping[str, Any]
    ) -> _Component:
        metadata = kwargs.get("metadata") or {}
        if not self.has_content:
            metadata = {key: value for key, value in metadata.items() if str(key).startswith(_KEPT_METADATA)}
        tags = [_label(tag) for tag in (kwargs.get("tags") or ())[:MAX_LABELS]]
        fields = {"name": _label(name), "run_id": str(run_id), "parent_ids": parent_ids, "tags": tags}
        fields_text, metadata_text = _encode(fields), _encode(metadata)
        if len(fields_text) > MAX_FIELDS:
            fields_text = _encode({**fields, "tags": []})
        if len(metadata_text) > MAX_FIELDS:
            metadata_text = _omission(len(metadata_text))
        return _Component(run, kind, parent_ids, f'{fields_text[1:-1]},"metadata":{metadata_text}')

    def emit(self, component: _Component, event: str, data: Any) -> None:
        at = time.monotonic() - component.run.started
        self._append(component, event, at, self._json(data))
        self._notify()

    def emit_text(self, component: _Component, message: Any) -> None:
        """Emit a chunk of text. What it has beside the text is mostly the same as in the chunk before."""
        at, fields = time.monotonic() - component.run.started, message.__dict__
        content, rest = message.content, component.rest
        rest["content"] = content
        if rest != fields:
            filled = {key: item for key, item in fields.items() if item and key != "content"}
            component.rest_text = _encode({"type": message.type, **filled})[:-1]
            # Copies, should the program change what is in it.
            component.rest = {key: item.copy() if type(item) in (dict, list) else item for key, item in fields.items()}
        if len(content) + len(component.rest_text) > MAX_EVENT:
            self.emit(component, "on_chat_model_stream", {"chunk": message})
            return
        text = f'{{"chunk":{component.rest_text},"content":{_encode_text(content)}}}}}'
        self._append(component, "on_chat_model_stream", at, text)
        if not self._is_awake:
            self._notify()

    def _append(self, component: _Component, event: str, at: float, text: str) -> None:
        head = component.heads.get(event)
        if head is None:
            head = component.heads[event] = f',"event":"{event}",{component.fields},"data":'
        run = component.run
        with self.lock:
            if run.has_ended:
                return
            if self._queued > MAX_QUEUE * 0.75 and not self._has_room():
                if event.endswith(("_start", "_end", "_error")) and self._queued < 2 * MAX_QUEUE:
                    if len(text) > 200:
                        run.omitted += 1
                        text = _omission(len(text))
                elif self._queued > MAX_QUEUE:
                    run.dropped += 1
                    self.dropped += 1
                    return
            elif run.dropped or run.omitted:
                self._append_dropped(run, at)
            line = f'{{"seq":{run.events},"at":{at:.6f}{head}{text}}}\n'
            run.events += 1
            run.lines.append(line)
            self._queued += len(line)

    def _append_dropped(self, run: _Run, at: float) -> None:
        """Say in the record what is missing from it."""
        data = _encode({"events": run.dropped, "payloads": run.omitted})
        fields = f'"name":"weir_dropped","run_id":"{run.id}","parent_ids":[],"tags":[],"metadata":{{}},"data":{data}'
        line = f'{{"seq":{run.events},"at":{at:.6f},"event":"on_custom_event",{fields}}}\n'
        run.dropped = run.omitted = 0
        run.events += 1
        run.lines.append(line)
        self._queued += len(line)

    def _has_room(self) -> bool:
        """Make room by leaving out whole runs that have ended, the oldest first."""
        while self._queued > MAX_QUEUE * 0.5:
            run = next((run for run in self._runs.values() if run.has_ended), None)
            if run is None:
                break
            self._forget(run)
            self.dropped += run.events
        return self._queued <= MAX_QUEUE * 0.75

    def _forget(self, run: _Run) -> None:
        del self._runs[run.id]
        for number, line in enumerate(run.lines, run.first):
            if number >= run.sent:
                self._queued -= _size(line)
            else:
                self._history -= _size(line)
        run.lines = []

    def end(self, run_id: Any, event: str, data: Any) -> None:
        """Emit the last event of a component. That of a root ends the run."""
        component = self.components.get(run_id)
        if component is None or component.has_ended:
            return
        component.has_ended = True
        if not component.is_root:
            self.emit(component, event, data)
            return
        status = "waiting" if component.run.has_interrupt else "done"
        self.emit(component, event, data)
        self._close_open(component.run, status)
        self._end_run(component.run, status, None)

    def fail(self, run_id: Any, error: BaseException, data: Mapping[str, Any]) -> None:
        """Emit the error of a component. That of a root ends the run."""
        component = self.components.get(run_id)
        if component is None or component.has_ended:
            return
        component.has_ended = True
        run = component.run
        names = {base.__name__ for base in type(error).__mro__}
        run.has_interrupt = run.has_interrupt or "GraphInterrupt" in names
        details = _error_details(error, self.has_content)
        if "GraphBubbleUp" in names:
            details = {"type": "Interrupted", "message": _WAITS if "GraphInterrupt" in names else _LEFT}
        status = "stopped" if names & {"CancelledError", "KeyboardInterrupt", "GeneratorExit"} else "failed"
        if component.is_root:
            self._close_open(run, status)
        self.emit(component, f"on_{component.kind}_error", {"error": details, **data})
        if component.is_root:
            failure = None
            if status == "failed":
                failure = {"kind": "internal", "detail": f"{details['type']}: {details['message']}"[:MAX_DETAIL]}
            self._end_run(run, status, failure)

    def _close_open(self, run: _Run, status: str) -> None:
        for component in reversed(list(run.components.values())):
            if not component.has_ended:
                component.has_ended = True
                error = {"type": "Interrupted", "message": _INTERRUPTED[status]}
                self.emit(component, f"on_{component.kind}_error", {"error": error})

    def _end_run(self, run: _Run, status: str, failure: Any) -> None:
        for run_id in list(run.components):
            self.components.pop(run_id, None)
        run.components = {}
        line = f'{{"end":{_encode({"status": status, "failure": failure})}}}\n'
        with self.lock:
            if run.has_ended:
                # Weir has refused it.
                return
            if run.dropped or run.omitted:
                self._append_dropped(run, time.monotonic() - run.started)
            run.lines.append(line)
            self._queued += len(line)
            run.has_ended = True
            ended = [one for one in self._runs.values() if one.has_ended]
            for old in ended[: max(0, len(ended) - MAX_ENDED)]:
                self._forget(old)
                self.dropped += old.events
        self._notify()

    def _json(self, value: Any) -> str:
        """Return a value as JSON of a bounded size. At once: the program may change it later."""
        text = _encode(value if self.has_content else _masked(value))
        if len(text) > MAX_EVENT:
            text = _encode(_shortened(json.loads(text)))
            if len(text) > MAX_EVENT:
                text = _omission(len(text))
        return text

    def _notify(self) -> None:
        if not self._is_awake:
            self._is_awake = True
            self._idle.clear()
            self._wake.set()
            self.begin_sending()

    def begin_sending(self) -> None:
        """Start the thread, once a process."""
        if self._thread is None or not self._thread.is_alive():
            with self.lock:
                if self._thread is not None and self._thread.is_alive():
                    return
                self._thread = threading.Thread(target=self._work, name="weir-tail", daemon=True)
            self._thread.start()
            _flush_before_a_child_ends(self)
            _flush_before_sigterm(self)

    def close(self) -> None:
        """Send what is left, for a time, and say that the program ends."""
        if self._thread is None or self._is_closing:
            return
        self._is_closing = True
        self._idle.clear()
        self._wake.set()
        timeout, now = _timeout(), time.monotonic()
        deadline = now + timeout
        while not self._idle.is_set():
            # A Weir that has not answered for that long already hangs: a parent does not wait for it after its child.
            until = min(deadline, self._asked_at + timeout) if self._asked_at else deadline
            if now >= until:
                break
            self._idle.wait(until - now)
            now = time.monotonic()

    def _pause(self) -> None:
        """End the thread before a fork: Python 3.12 warns of forks of a process with threads."""
        thread, self._is_paused = self._thread, True
        if thread is not None and thread is not threading.current_thread():
            self._wake.set()
            thread.join(0.2)

    def _resume(self) -> None:
        self._is_paused = False
        if self._thread is not None:
            self._is_awake = False
            self._notify()

    # On the tail's own thread.

    def _work(self) -> None:
        next_beat = 0.0
        while not self._is_paused:
            self._wake.wait(max(0.0, next_beat - time.monotonic()))
            if self._is_paused:
                return
            if not self._is_closing:
                time.sleep(BATCH_SECONDS)
            # What is emitted from here on has the thread go on once more.
            is_last, self._is_awake = self._is_closing, False
            self._wake.clear()
            try:
                self._write_files()
                if self.url and (is_last or time.monotonic() >= self._retry_at):
                    self._send_all(is_last)
                    next_beat = self._retry_at or time.monotonic() + HEARTBEAT_SECONDS
                else:
                    next_beat = max(self._retry_at, time.monotonic() + BATCH_SECONDS)
            except Exception as error:
                self._note_failure(f"{type(error).__name__}: {error}")
                next_beat = self._retry_at
            if is_last:
                self._idle.set()
                return
            if self._is_closing:
                self._wake.set()

    def _send_all(self, is_last: bool) -> None:
        while True:
            body, run_ids, has_more = self._body(is_last)
            self._asked_at = time.monotonic()
            problem = self._post(body, run_ids)
            self._asked_at = 0.0
            if problem:
                self._note_failure(problem)
                return
            self._failures, self._retry_at, self._is_known = 0, 0.0, True
            if not has_more:
                return

    def _body(self, is_last: bool) -> tuple[bytes, list[str], bool]:
        """Return the next request: the program, then for each run where its lines go on, and the lines.

        With it come the ids of its runs, and whether there is more.
        """
        secrets, parts, size = _secrets(), [b""], 0
        run_ids: list[str] = []
        has_more = False
        with self.lock:
            runs = [run for run in self._runs.values() if run.sent < run.count]
        now = time.monotonic()
        for run in runs:
            if not (run.sent or run.input or run.has_ended or is_last) and now - run.started < INPUT_SECONDS:
                self._wake.set()
                continue
            if size > MAX_BODY or len(run_ids) >= MAX_RUNS:
                has_more = True
                break
            with self.lock:
                number, lines = run.sent, run.lines[run.sent - run.first :]
            run_ids.append(run.id)
            parts.append(_encode({"run": run.id, "line": number}).encode() + b"\n")
            for line in lines:
                sent = self._prepared(run, number, line, secrets)
                parts.append(sent)
                size, number = size + len(sent), number + 1
                if size > MAX_BODY:
                    has_more = True
                    break
        about = self._about(is_last=is_last and not has_more)
        parts[0] = _without(secrets, _encode({"program": about})).encode("utf-8", "backslashreplace") + b"\n"
        return b"".join(parts), run_ids, has_more

    def _about(self, is_last: bool) -> dict[str, Any]:
        core = sys.modules.get("langchain_core.version")
        return {
            "id": self.program_id,
            "name": _label(program_name()),
            "command": _command()[:MAX_LABEL],
            "pid": os.getpid(),
            "host": _host(),
            "python": ".".join(map(str, sys.version_info[:3])),
            "langchain_core": str(getattr(core, "VERSION", "")),
            "started_at": self.started_at,
            "content": self.has_content,
            "queued": self._queued,
            "dropped": self.dropped,
            "errors": self.errors,
            "now": time.time(),
            "ended": is_last,
        }

    def _prepared(self, run: _Run, number: int, line: Any, secrets: list[str]) -> bytes:
        """Return a line as it is sent: without secrets, and no deeper than Weir reads."""
        if line is None:
            about = {"id": run.id, "name": _label(run.name), "created_at": run.created_at}
            head = _encode({"format": "weir-recording", "version": 1, "run": {**about, "context": {}}})[:-2]
            line = f'{head},"input":{run.input or "null"}}}}}\n'
        elif not isinstance(line, str):
            event, data = f"on_{line.kind}_start", f'{{"input":{run.input}}}' if run.input else "{}"
            line = f'{{"seq":0,"at":0.0,"event":"{event}",{line.fields},"data":{data}}}\n'
        text: str = _without(secrets, line)
        if text.count("[") + text.count("{") > MAX_DEPTH and _depth(text) > MAX_DEPTH:
            head, _, _ = text.partition(',"data":' if number else ',"input":')
            text = f'{head},"data":{_omission(len(text))}}}\n' if number else f'{head},"input":null}}}}\n'
        with self.lock:
            place = number - run.first
            if 0 <= place < len(run.lines) and not isinstance(run.lines[place], str):
                run.lines[place] = text
                self._queued += len(text)
        # A half of a surrogate pair becomes its escape, which JSON can hold.
        return text.encode("utf-8", "backslashreplace")

    def _post(self, body: bytes, run_ids: list[str]) -> str:
        """Post a request and take in the answer. Return what went wrong; "" if nothing."""
        headers = {"Content-Type": "application/x-ndjson", "User-Agent": "weir-tail/1"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        for is_last_try in (False, True):
            is_new = self._connection is None
            connection = self._connection = self._connection or _connect(self.url)
            try:
                connection.request("POST", f"{_path(self.url)}/api/attach", body, headers)
                response = connection.getresponse()
                content = response.read(1_000_000)
                break
            except Exception as error:
                self._disconnect()
                # A server closes a connection that was idle; it may have done so while this was sent.
                if is_new or is_last_try or isinstance(error, TimeoutError):
                    return f"{type(error).__name__}: {error}"
        if response.status != 200:
            self._disconnect()
            return f"it answered with {response.status}"
        try:
            runs = json.loads(content)["runs"]
            for run_id in run_ids:
                self._take_in(run_id, runs[run_id])
        except Exception:
            return "its answer is not Weir's"
        return ""

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(Exception):
                connection.close()

    def _take_in(self, run_id: str, answer: Mapping[str, Any]) -> None:
        with self.lock:
            run = self._runs.get(run_id)
            if run is None:
                return
            number = answer.get("next")
            if not isinstance(number, int) or not run.first <= number <= run.count:
                # It is refused, or begins with lines that are not kept any more.
                self.dropped += run.events
                run.has_ended = True
                self._forget(run)
                return
            start, stop = sorted((run.sent, number))
            moved = sum(map(_size, run.lines[start - run.first : stop - run.first]))
            moved = moved if number > run.sent else -moved
            self._queued -= moved
            self._history += moved
            if number < run.sent:
                self._wake.set()
            run.sent = number
            if run.has_ended and run.sent >= run.count and (not self.folder or run.filed >= run.count):
                self._forget(run)
            elif self._history > MAX_HISTORY:
                kept = run.sent if not self.folder else min(run.sent, run.filed)
                self._history -= sum(map(_size, run.lines[: kept - run.first]))
                del run.lines[: kept - run.first]
                run.first = kept

    def _write_files(self) -> None:
        if not self.folder:
            return
        with self.lock:
            runs = [run for run in self._runs.values() if run.filed < run.count]
        if runs:
            os.makedirs(self.folder, mode=0o700, exist_ok=True)
            ignore = os.path.join(self.folder, ".gitignore")
            if not os.path.exists(ignore):
                with open(ignore, "w", encoding="ascii") as file:
                    file.write("*\n")
        secrets = _secrets()
        for run in runs:
            with self.lock:
                number, lines = run.filed, run.lines[run.filed - run.first :]
            path = os.path.join(self.folder, f"{run.id}.jsonl")
            with open(os.open(path, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600), "ab") as target:
                target.write(b"".join(self._prepared(run, number + i, line, secrets) for i, line in enumerate(lines)))
            with self.lock:
                run.filed = number + len(lines)
                if not self.url:
                    self._forget_filed(run)
                elif run.id in self._runs and run.has_ended and run.sent >= run.count <= run.filed:
                    self._forget(run)

    def _forget_filed(self, run: _Run) -> None:
        """Release what is written, where there is no Weir to send it to."""
        self._queued -= sum(map(_size, run.lines[: run.filed - run.first]))
        del run.lines[: run.filed - run.first]
        run.first = run.sent = run.filed
        if run.has_ended and not run.lines:
            del self._runs[run.id]

    def _note_failure(self, problem: str) -> None:
        self._failures += 1
        self._retry_at = time.monotonic() + min(5.0, 0.25 * 2 ** min(self._failures, 6))
        if not self.is_explained and not self._is_known and self.url:
            self.is_explained = True
            with contextlib.suppress(Exception):
                sys.stderr.write(f"weir: no Weir at {self.url} ({problem[:200]}); the program runs on without it.\n")


def _make_handler(tail: Tail) -> Any:
    """Return LangChain's callback handler. It has none of the methods that make LangChain stream what is invoked."""
    from langchain_core.callbacks.base import BaseCallbackHandler  # type: ignore[import-not-found, unused-ignore]

    class TailHandler(BaseCallbackHandler):  # type: ignore[misc, unused-ignore]
        """Emits the events of all runs of the process, by LangChain's names."""

        # On the thread and in the order in which things happen, also in asyncio.
        run_inline = True
        raise_error = False

        def on_llm_new_token(self, token: Any, *, chunk: Any = None, run_id: Any, **_: Any) -> None:
            try:
                last = tail.last
                component = last[1] if last[0] is run_id else tail.components.get(run_id)
                if component is None or component.has_ended:
                    return
                tail.last = run_id, component
                if chunk is not None:
                    value = chunk.message if component.kind == "chat_model" else chunk
                    if component.kind == "chat_model" and tail.has_content and type(value.content) is str:
                        tail.emit_text(component, value)
                        return
                elif component.kind == "chat_model":
                    value = {"type": "AIMessageChunk", "content": token}
                else:
                    value = {"text": token if isinstance(token, str) else "", "generation_info": None}
                tail.emit(component, f"on_{component.kind}_stream", {"chunk": value})
            except Exception:
                tail.errors += 1

        @_quietly(tail)
        def on_chain_start(self, serialized: Any, inputs: Any, *, run_id: Any, **kwargs: Any) -> None:
            inputs = _MISSING if _is_streamed_in(inputs) else inputs
            tail.start(kwargs.get("run_type") or "chain", _name(serialized, kwargs), inputs, run_id, kwargs)

        @_quietly(tail)
        def on_chat_model_start(self, serialized: Any, messages: Any, *, run_id: Any, **kwargs: Any) -> None:
            tail.start("chat_model", _name(serialized, kwargs), {"messages": messages}, run_id, kwargs)

        @_quietly(tail)
        def on_llm_start(self, serialized: Any, prompts: Any, *, run_id: Any, **kwargs: Any) -> None:
            tail.start("llm", _name(serialized, kwargs), {"prompts": prompts}, run_id, kwargs)

        @_quietly(tail)
        def on_tool_start(self, serialized: Any, input_str: Any, *, run_id: Any, **kwargs: Any) -> None:  # noqa: ARG002
            tail.start("tool", _name(serialized, kwargs), kwargs.get("inputs"), run_id, kwargs)

        @_quietly(tail)
        def on_retriever_start(self, serialized: Any, query: Any, *, run_id: Any, **kwargs: Any) -> None:
            tail.start("retriever", _name(serialized, kwargs), {"query": query}, run_id, kwargs)

        @_quietly(tail)
        def on_chain_end(self, outputs: Any, *, run_id: Any, inputs: Any = None, **_: Any) -> None:
            component = tail.components.get(run_id)
            if component is None:
                return
            known: Any = next((value for value in (inputs, component.inputs) if _is_filled(value)), {})
            data = {"output": outputs} if component.is_root else {"output": outputs, "input": known}
            tail.end(run_id, f"on_{component.kind}_end", data)

        @_quietly(tail)
        def on_llm_end(self, response: Any, *, run_id: Any, **_: Any) -> None:
            if (component := tail.components.get(run_id)) is not None:
                output = _message(response) if component.kind == "chat_model" else _generations(response)
                _end(component, run_id, output)

        @_quietly(tail)
        def on_tool_end(self, output: Any, *, run_id: Any, **_: Any) -> None:
            if (component := tail.components.get(run_id)) is not None:
                _end(component, run_id, output)

        @_quietly(tail)
        def on_retriever_end(self, documents: Any, *, run_id: Any, **_: Any) -> None:
            if (component := tail.components.get(run_id)) is not None:
                _end(component, run_id, documents)

        @_quietly(tail)
        def on_chain_error(self, error: BaseException, *, run_id: Any, **_: Any) -> None:
            tail.fail(run_id, error, {})

        on_llm_error = on_retriever_error = on_chain_error

        @_quietly(tail)
        def on_tool_error(self, error: BaseException, *, run_id: Any, **kwargs: Any) -> None:
            if (component := tail.components.get(run_id)) is not None:
                call = kwargs.get("tool_call_id") or component.tool_call_id
                tail.fail(run_id, error, {"input": component.inputs, "tool_call_id": call})

        @_quietly(tail)
        def on_custom_event(self, name: str, data: Any, *, run_id: Any, **kwargs: Any) -> None:
            if (parent := tail.components.get(run_id)) is not None:
                component = tail._component(parent.run, "custom", name, run_id, parent.parent_ids, kwargs)
                tail.emit(component, "on_custom_event", data)

    def _end(component: _Component, run_id: Any, output: Any) -> None:
        data = {"output": output} if component.is_root else {"output": output, "input": component.inputs}
        tail.end(run_id, f"on_{component.kind}_end", data)

    return TailHandler()


def _quietly(tail: Tail) -> Callable[[Any], Callable[..., None]]:
    """Return a decorator that counts an exception of the tail, and keeps it from the program."""

    def decorate(function: Any) -> Any:
        def call(*args: Any, **kwargs: Any) -> None:
            try:
                function(*args, **kwargs)
            except Exception:
                tail.errors += 1

        return call

    return decorate


# Values.


_TYPES: dict[type, frozenset[str]] = {}
"""Names of LangChain's and Pydantic's classes that a type has among its bases."""


def _default(value: Any) -> Any:
    """Convert an object one level towards JSON, as Weir's own recorder does."""
    names = _TYPES.get(type(value))
    if names is None:
        bases = [base for base in type(value).__mro__ if base.__module__.startswith(("langchain", "pydantic"))]
        names = frozenset(base.__name__ for base in bases)
        if len(_TYPES) < 1_000:
            _TYPES[type(value)] = names
    if "BaseMessage" in names:
        fields = {key: item for key, item in value.__dict__.items() if item or key == "content"}
        return {"type": value.type, **fields}
    if "PromptValue" in names:
        return {"messages": value.to_messages()}
    if "Document" in names:
        return {"page_content": value.page_content, "metadata": value.metadata}
    if isinstance(value, BaseException):
        return {"type": type(value).__name__, "message": str(value)}
    if "BaseModel" in names or isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, (set, frozenset)):
        return sorted(value, key=repr)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    return _type_and_repr(value)


_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_default)


_encode_text: Callable[[str], str] = json.encoder.encode_basestring


def _encode(value: Any) -> str:
    """Return a value as JSON. It never fails: what has no JSON form becomes its type and `repr`."""
    try:
        return _ENCODER.encode(value)
    except Exception:
        return _ENCODER.encode(_plain(value, 0, ()))


def _plain(value: Any, depth: int, around: tuple[int, ...]) -> Any:
    """Return a value as dicts with string keys, lists, strings, finite numbers, booleans and None."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, int):
        return int(value) if value.bit_length() <= 14_000 else {"type": "int", "repr": "a number of too many digits"}
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if depth >= MAX_DEPTH or id(value) in around:
        return _type_and_repr(value)
    around = (*around, id(value))
    try:
        if isinstance(value, dict):
            return {_text(key): _plain(item, depth + 1, around) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [_plain(item, depth + 1, around) for item in value]
        return _plain(_default(value), depth + 1, around)
    except Exception:
        return _type_and_repr(value)


def _text(value: Any) -> str:
    try:
        return str(value)
    except Exception:
        return type(value).__name__


def _type_and_repr(value: Any) -> Any:
    try:
        text = repr(value)
    except Exception as error:
        text = f"<{type(value).__name__} whose repr raised {type(error).__name__}>"
    return {"type": type(value).__name__, "repr": text[:MAX_REPR]}


def _shortened(value: Any) -> Any:
    """Return JSON values with long texts cut."""
    if isinstance(value, str):
        more = len(value) - MAX_TEXT
        return value if more <= 0 else f"{value[:MAX_TEXT]}\u2026 ({more:,} characters more)"
    if isinstance(value, dict):
        return {key: _shortened(item) for key, item in value.items()}
    return [_shortened(item) for item in value] if isinstance(value, list) else value


def _masked(value: Any) -> Any:
    """Return a value with a dot for each character of its texts, and without numbers that are no counts of tokens."""

    def mask(value: Any) -> Any:
        if isinstance(value, str):
            return "\u2022" * len(value)
        if isinstance(value, dict):
            return {
                key: item if key in _KEPT_VALUES or (key in _KEPT_TEXTS and isinstance(item, str)) else mask(item)
                for key, item in value.items()
            }
        if isinstance(value, list):
            return [mask(item) for item in value]
        return value if isinstance(value, bool) else None

    return mask(_plain(value, 0, ()))


def _omission(size: int) -> str:
    return f'{{"omitted":{{"characters":{size}}}}}'


def _error_details(error: BaseException, has_content: bool) -> dict[str, Any]:
    def details(one: BaseException) -> dict[str, str]:
        return {"type": type(one).__name__, "message": _text(one)[:MAX_DETAIL] if has_content else ""}

    causes: list[BaseException] = []
    cause: Any = error
    while len(causes) < 8:
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
        if cause is None or cause in causes:
            break
        causes.append(cause)
    found = [details(one) for one in (error, *causes)]
    different = [one for before, one in zip(found, found[1:]) if one != before]  # noqa: B905, RUF007
    return {**found[0], "causes": different} if different else dict(found[0])


def _is_streamed_in(inputs: Any) -> bool:
    """Whether an input is not known yet, as the component before it has not yielded it: LangChain gives `""`."""
    value = inputs.get("input") if isinstance(inputs, dict) and len(inputs) == 1 else None
    return isinstance(value, str) and not value


def _gets_input_of_parent(tags: Any) -> bool:
    """Whether a component has the input of the one around it: the first step of a sequence, a branch of a map."""
    return any(tag == "seq:step:1" or str(tag).startswith("map:key:") for tag in tags or ())


def _is_filled(value: Any) -> bool:
    try:
        return value is not _MISSING and bool(value)
    except Exception:
        return True


def _name(serialized: Any, kwargs: Mapping[str, Any]) -> str:
    if kwargs.get("name") is not None:
        return str(kwargs["name"])
    if serialized and "name" in serialized:
        return str(serialized["name"])
    return str(serialized["id"][-1]) if serialized and serialized.get("id") else "Unnamed"


def _message(response: Any) -> Any:
    return next((generation.message for answers in response.generations for generation in answers), {})


def _generations(response: Any) -> Any:
    return {
        "generations": [
            [{"text": one.text, "generation_info": one.generation_info, "type": one.type} for one in answers]
            for answers in response.generations
        ],
        "llm_output": response.llm_output,
    }


def _label(value: Any) -> str:
    text = _SURROGATE.sub("\ufffd", value if isinstance(value, str) else _encode(value))
    return text if len(text) <= MAX_LABEL else f"{text[: MAX_LABEL - 1]}\u2026"


def _size(line: Any) -> int:
    return len(line) if isinstance(line, str) else 0


def _depth(line: str) -> int:
    try:
        pending, deepest = [(json.loads(line), 0)], 0
    except (ValueError, RecursionError):
        return MAX_DEPTH + 1
    while pending:
        value, depth = pending.pop()
        deepest = max(deepest, depth)
        items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        pending.extend((item, depth + 1) for item in items)
    return deepest


def _secrets() -> list[str]:
    """Return the values of environment variables whose names look like a key's, as they stand in JSON."""
    values = {value for name, value in os.environ.items() if len(value) >= 8 and _SECRET_NAME.search(name)}
    return sorted((json.dumps(value, ensure_ascii=False)[1:-1] for value in values), key=len, reverse=True)


def _without(secrets: list[str], line: str) -> str:
    for secret in secrets:
        if secret in line:
            line = line.replace(secret, _HIDDEN)
    return line


# The program.


_SERVERS = ("uvicorn", "gunicorn", "hypercorn", "streamlit", "celery")
"""Programs that are called after what they run."""


def program_name() -> str:
    """Return what a person calls this program: its script, its module, or what its server runs."""
    if name := os.environ.get("WEIR_ATTACH_NAME"):
        return name
    argv = _argv()[1:]
    while argv and argv[0].startswith("-") and argv[0] not in ("-m", "-c"):
        # `-W` and `-X` have their values behind them.
        del argv[: 2 if argv[0] in ("-W", "-X") else 1]
    if argv[:1] == ["-c"]:
        if "spawn_main" not in argv[1]:
            return "python -c"
        # A child of multiprocessing has the arguments of its parent.
        argv = list(sys.argv)
    elif argv[:1] == ["-m"]:
        argv = argv[1:]
    if not argv:
        return os.path.basename(sys.executable or "python")
    folder, name = os.path.split(argv[0])
    name = os.path.basename(folder) if name == "__main__.py" else name
    if name in _SERVERS:
        app = next((part for part in argv[1:] if part.endswith(".py") or _APP.fullmatch(part)), "")
        return f"{name} {app}".strip()
    return name


def _argv() -> list[str]:
    return list(getattr(sys, "orig_argv", None) or [sys.executable, *sys.argv])


def _command() -> str:
    """Return the command line, without the values of options that look like a key's."""
    parts, hides_next = [], False
    for argument in _argv():
        name, equals, _ = _label(argument).partition("=")
        is_secret = _SECRET_NAME.search(name) is not None
        if hides_next and not argument.startswith("-"):
            parts.append(_HIDDEN)
        else:
            parts.append(f"{name}={_HIDDEN}" if is_secret and equals else _label(argument))
        hides_next = is_secret and not equals and argument.startswith("-")
    return " ".join(parts)


def _timeout() -> float:
    with contextlib.suppress(ValueError):
        return float(os.environ.get("WEIR_ATTACH_TIMEOUT", ""))
    return TIMEOUT_SECONDS


def _host() -> str:
    import socket

    return _label(socket.gethostname())


def _connect(url: str) -> Any:
    import http.client
    from urllib.parse import urlsplit

    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    return kind(parts.hostname or "127.0.0.1", parts.port, timeout=max(ANSWER_SECONDS, _timeout()))


def _path(url: str) -> str:
    from urllib.parse import urlsplit

    return urlsplit(url).path.rstrip("/")


def is_loopback(url: str) -> bool:
    """Whether an address is on this machine."""
    from urllib.parse import urlsplit

    host = urlsplit(url).hostname or ""
    return host in ("localhost", "::1") or re.fullmatch(r"127(\.\d{1,3}){3}", host) is not None


def _flush_before_a_child_ends(tail: Tail) -> None:
    """Send what is left before a process of multiprocessing ends: it leaves by `os._exit`, past `atexit`."""
    if util := sys.modules.get("multiprocessing.util"):
        util.Finalize(None, tail.close, exitpriority=100)


def _flush_before_sigterm(tail: Tail) -> None:
    """Send what is left before SIGTERM ends a program that has no handler of its own for it."""

    def on_sigterm(number: int, _: Any) -> None:
        tail.close()
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    if threading.current_thread() is threading.main_thread():
        with contextlib.suppress(ValueError, OSError):
            if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
                signal.signal(signal.SIGTERM, on_sigterm)


# Ways in.


def attach(url: str | None = None, token: str | None = None) -> None:
    """Send the LangChain runs of this process to Weir from now on. Without `url`, WEIR_ATTACH has the address."""
    setting = os.environ.get("WEIR_ATTACH", "")
    folder = os.environ.get("WEIR_ATTACH_FILE", "")
    address = url or (setting if "://" in setting else "" if folder and not setting else DEFAULT_URL)
    import langchain_core.tracers.context as context  # type: ignore[import-not-found, unused-ignore]

    if any(hook[0].name == HOOK for hook in context._configure_hooks):
        return
    content = os.environ.get("WEIR_ATTACH_CONTENT", "")
    has_content = content not in ("0", "false") and (bool(content) or not address or is_loopback(address))
    tail = Tail(address, token or os.environ.get("WEIR_ATTACH_TOKEN", ""), folder, has_content)
    handler: ContextVar[Any] = ContextVar(HOOK, default=_make_handler(tail))  # noqa: B039
    context.register_configure_hook(handler, inheritable=True)
    tail.begin_sending()


def attach_when_imported(*, is_asked: bool = False) -> None:
    """Attach this process as soon as it imports LangChain, if the environment asks for it, or the program does."""
    setting = os.environ.get("WEIR_ATTACH", "").lower()
    if setting in ("0", "false") or not (is_asked or setting or os.environ.get("WEIR_ATTACH_FILE")):
        return
    if LANGCHAIN in sys.modules:
        _attach_quietly()
    else:
        sys.meta_path.insert(0, _ImportWaiter())


class _ImportWaiter:
    """Finder that attaches the process once a module has been imported, and is gone then."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        if name != LANGCHAIN:
            return None
        if self in sys.meta_path:
            sys.meta_path.remove(self)
        for finder in sys.meta_path:
            spec = finder.find_spec(name, path, target)
            if spec is not None and spec.loader is not None:
                _then_attach(spec.loader)
                return spec
        return None


def _then_attach(loader: Any) -> None:
    execute = loader.exec_module

    def exec_module(module: Any) -> None:
        execute(module)
        _attach_quietly()

    loader.exec_module = exec_module


def _attach_quietly() -> None:
    try:
        attach()
    except Exception as error:
        sys.stderr.write(f"weir: this program cannot be attached ({type(error).__name__}: {error}).\n")


def run_as_sitecustomize(file: str) -> None:
    """Wait for LangChain, and run the `sitecustomize` that Python would have run without this one."""
    attach_when_imported()
    here = os.path.dirname(os.path.abspath(file))
    for folder in sys.path:
        path = os.path.join(folder or os.curdir, "sitecustomize.py")
        if os.path.abspath(folder or os.curdir) != here and os.path.isfile(path):
            import importlib.util

            spec = importlib.util.spec_from_file_location("sitecustomize", path)
            if spec is not None and spec.loader is not None:
                module = importlib.util.module_from_spec(spec)
                sys.modules["sitecustomize"] = module
                spec.loader.exec_module(module)
            return


if __name__ == "sitecustomize":
    run_as_sitecustomize(__file__)
elif __name__ == "weir_tail":
    attach_when_imported(is_asked=True)

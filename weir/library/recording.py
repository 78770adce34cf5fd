"""Recording: a run as a value with its text, figures, tree and checks; and the functions that make one."""

import atexit
import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from langchain_core.runnables import Runnable, RunnableConfig

from weir.analysis.answer_reader import answer_text
from weir.analysis.check_rules import parse_rules
from weir.analysis.checked_run import CheckResult
from weir.analysis.checks import check
from weir.analysis.metrics import RunMetrics, run_metrics
from weir.analysis.run_text import diagnosis_lines, metrics_lines, tree_lines
from weir.analysis.run_tree import RunNode, run_tree
from weir.config.settings import settings
from weir.core.run_event import RunEvent
from weir.runs.background_loop import BackgroundLoop
from weir.runs.recorder import Recorder
from weir.runs.recording_file import from_jsonl, to_jsonl
from weir.runs.run import Run, Status
from weir.runs.run_store import MemoryStore


@dataclass(frozen=True, slots=True)
class CheckReport:
    """Results of `Recording.check`. It is true if all rules hold; its text has a sentence for each that does not."""

    results: tuple[CheckResult, ...]

    def __bool__(self) -> bool:
        return all(result.holds for result in self.results)

    def __str__(self) -> str:
        return "\n".join(result.sentence for result in self.results if not result.holds) or "all rules hold"

    def __repr__(self) -> str:
        return str(self).replace("\n", " | ")


class Recording:
    """A run that has ended: made by `weir.record`, or opened from a file by `weir.open`.

    >>> import weir
    >>> recording = weir.record(weir.ReplayChatModel.from_texts(["Once", " upon"]), "Tell a story")
    >>> recording.text, recording.status.value, recording.metrics.chunks
    ('Once upon', 'done', 2)
    >>> recording.tree.name, recording.events[0].event
    ('ReplayChatModel', 'on_chat_model_start')
    >>> bool(recording.check(first_token=60, contains="Once"))
    True
    """

    def __init__(self, run: Run) -> None:
        self._run = run

    @property
    def name(self) -> str:
        """Name of the chain."""
        return self._run.name

    @property
    def input(self) -> Any:
        """Input of the chain, as JSON values."""
        return self._run.input

    @property
    def status(self) -> Status:
        """How the run ended. An exception of the chain is not raised: the status is FAILED."""
        return self._run.status

    @property
    def error(self) -> str:
        """What the run failed with, in a sentence; "" if it did not fail."""
        failure = self._run.failure
        return f"{failure.kind.message} {failure.detail}".strip() if failure else ""

    @property
    def events(self) -> Sequence[RunEvent]:
        """All events, with LangChain's names and fields, a number and the seconds since the start."""
        return self._run.events

    @functools.cached_property
    def text(self) -> str:
        """The answer: all text that the chain streamed."""
        return answer_text(self.events)

    @functools.cached_property
    def metrics(self) -> RunMetrics:
        """Time to first token, gaps, tokens, finish reason."""
        return run_metrics(self.events)

    @functools.cached_property
    def tree(self) -> RunNode:
        """The root component, with those inside it as `children`. Raises ValueError if there are no events."""
        root = run_tree(self.events)
        if root is None:
            raise ValueError("This recording has no events.")
        return root

    def check(self, **rules: Any) -> CheckReport:
        """Return whether rules hold: those of `weir check` (docs/checks.md), with `_` for `-`.

        Durations are seconds or texts such as `"200ms"`. Raises RuleError if a rule cannot be read.

        >>> import weir
        >>> recording = weir.record(weir.ReplayChatModel.from_texts(["Once", " upon"]), "Tell a story")
        >>> recording.check(finish="length")  # doctest: +ELLIPSIS
        finish: stop; asked for: length (event 4 at ... s)
        """
        return CheckReport(tuple(check(self.events, parse_rules(rules))))

    def report(self) -> str:
        """Return the error, the run tree, the figures and the diagnosis as text, for a test's output."""
        root = run_tree(self.events)
        error = [self.error, ""] if self.error else []
        lines = [*error, *tree_lines(root), "", *metrics_lines(self.metrics), "", *diagnosis_lines(root, self.events)]
        return "\n".join(lines)

    def save(self, path: str | Path) -> None:
        """Write the recording to a file, which `weir.open`, `weir check` and the Inspector open."""
        with Path(path).open("wb") as file:
            file.writelines(to_jsonl(self._run))

    def __repr__(self) -> str:
        return f"<Recording {self.name}: {self.status.value}, {len(self.events)} events>"


def record(
    chain: Runnable[Any, Any], value: Any, *, config: RunnableConfig | None = None, name: str | None = None
) -> Recording:
    """Run a chain and return its recording.

    The chain runs on a loop that all calls share. Secrets of the settings, such as OPENAI_API_KEY, are kept out of
    the recording. An exception of the chain is not raised: it is in the recording.

    >>> import weir
    >>> weir.record(weir.ReplayChatModel.from_texts(["Once", " upon"]), "Tell a story", name="story").text
    'Once upon'
    """
    run = _recorder(_shared_loop()).start(chain, value, config=config, name=name or _run_name(chain))
    try:
        run.wait()
    except BaseException:  # Ctrl-C: the run must not go on
        run.stop()
        raise
    return Recording(run)


async def arecord(
    chain: Runnable[Any, Any], value: Any, *, config: RunnableConfig | None = None, name: str | None = None
) -> Recording:
    """`record` for asyncio: the chain runs on the caller's loop, to which its clients may be bound.

    A ChatOpenAI is bound to the loop that used it first, so a process calls its model by `record` or by `arecord`.

    >>> import asyncio, weir
    >>> asyncio.run(weir.arecord(weir.ReplayChatModel.from_texts(["Once", " upon"]), "Tell a story")).text
    'Once upon'
    """
    run = _recorder(BackgroundLoop.around_running()).start(chain, value, config=config, name=name or _run_name(chain))
    try:
        async for _ in run.afollow():
            pass
    except BaseException:  # the caller's task is cancelled: the run must not go on
        run.stop()
        raise
    return Recording(run)


def open_recording(path: str | Path) -> Recording:
    """Open a recording file. Raises OSError, and RecordingError with a sentence if it is no recording.

    >>> import tempfile, weir
    >>> path = tempfile.mkdtemp() + "/run.jsonl"
    >>> weir.record(weir.ReplayChatModel.from_texts(["Once", " upon"]), "Tell a story").save(path)
    >>> weir.open(path).text
    'Once upon'
    """
    return Recording(from_jsonl(Path(path).read_bytes()))


def _run_name(chain: Runnable[Any, Any]) -> str | None:
    """Return the name that `with_config(run_name=…)` gave the chain."""
    config = getattr(chain, "config", None)
    return config.get("run_name") if isinstance(config, dict) else None


def _recorder(loop: BackgroundLoop) -> Recorder:
    # A store of its own: a recording is kept by whoever has it, and dropped with it.
    return Recorder(MemoryStore(int(settings().record_mb * 1e6)), loop, secrets=settings().secrets)


@functools.cache
def _shared_loop() -> BackgroundLoop:
    loop = BackgroundLoop("weir-library")
    atexit.register(loop.close)
    return loop

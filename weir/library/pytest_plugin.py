"""pytest plugin: the fixture `weir_record` runs a chain in a test, or replays it from the recording beside the test.

Every pytest run of an environment that has Weir imports this file, so LangChain is imported with the fixture only.
"""

import re
from collections.abc import Callable, Generator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.runnables import Runnable, RunnableConfig

    from weir.library.recording import Recording

    Chain = Runnable[Any, Any] | Callable[[BaseChatModel], Runnable[Any, Any]]
    MakeModel = Callable[[], BaseChatModel]

FOLDER = "recordings"
"""Folder beside a test file that has its recordings."""

_UNSAFE = re.compile(r"[^\w.\-]+")


class Mode(StrEnum):
    """Where the recordings of tests come from."""

    REPLAY = "replay"
    """From the files beside the tests: no model is called."""
    RECORD = "record"
    """The chains run, and the files beside the tests are written."""
    LIVE = "live"
    """The chains run, and no file is written."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of the plugin."""
    group = parser.getgroup("weir", "recordings of LangChain chains")
    group.addoption(
        "--weir",
        type=Mode,
        default=Mode.REPLAY,
        choices=list(Mode),
        metavar="MODE",
        help="replay: take the recordings beside the tests (default); record: run the chains and write them; "
        "live: run the chains only",
    )
    group.addoption("--weir-artifacts", metavar="DIR", help="folder for the recordings of failed tests")


class RecordingFixture:
    """What the fixture `weir_record` gives: call it with a chain and its input to get a `Recording`."""

    def __init__(self, item: pytest.Item) -> None:
        self.recordings: list[Recording] = []
        """Recordings of this test so far."""
        self._item = item
        self._mode: Mode = item.config.getoption("--weir")

    def __call__(
        self,
        chain: "Chain",
        value: Any,
        *,
        model: "MakeModel | None" = None,
        name: str | None = None,
        config: "RunnableConfig | None" = None,
    ) -> "Recording":
        """Return the recording of a chain.

        `chain` is a Runnable, which is not run where its recording is replayed. Or it is a function that takes a chat
        model and returns a Runnable, and `model` a function that returns the model: then the chain runs in each mode,
        and a `ReplayChatModel` answers where the recording is replayed.
        """
        import weir

        path = self._path()
        replayed = self._opened(path, value) if self._mode is Mode.REPLAY else None
        if replayed and model is None:
            return self._add(replayed)
        return self._finished(weir.record(_runnable(chain, model, replayed), value, name=name, config=config), path)

    async def arecord(
        self,
        chain: "Chain",
        value: Any,
        *,
        model: "MakeModel | None" = None,
        name: str | None = None,
        config: "RunnableConfig | None" = None,
    ) -> "Recording":
        """Return the recording of a chain that runs on the test's event loop."""
        import weir

        path = self._path()
        replayed = self._opened(path, value) if self._mode is Mode.REPLAY else None
        if replayed and model is None:
            return self._add(replayed)
        runnable = _runnable(chain, model, replayed)
        return self._finished(await weir.arecord(runnable, value, name=name, config=config), path)

    def _path(self) -> Path:
        """Return the file of the next recording of this test."""
        number = len(self.recordings) + 1
        name = _file_name(self._item.name) + (f"-{number}" if number > 1 else "")
        return self._item.path.parent / FOLDER / self._item.path.stem / f"{name}.jsonl"

    def _opened(self, path: Path, value: Any) -> "Recording":
        import weir
        from weir.core import serialization

        if not path.exists():
            pytest.fail(f"There is no recording {path}. Run the test once with --weir=record.", pytrace=False)
        recording = weir.open(path)
        if recording.input != serialization.loads(serialization.dumps(value)):
            pytest.fail(f"{path} was recorded with another input. Run the test with --weir=record.", pytrace=False)
        return recording

    def _finished(self, recording: "Recording", path: Path) -> "Recording":
        if self._mode is Mode.RECORD:
            path.parent.mkdir(parents=True, exist_ok=True)
            recording.save(path)
        return self._add(recording)

    def _add(self, recording: "Recording") -> "Recording":
        self.recordings.append(recording)
        return recording


def _runnable(chain: "Chain", model: "MakeModel | None", replayed: "Recording | None") -> "Runnable[Any, Any]":
    import weir

    if model is None:
        return chain  # type: ignore[return-value]  # a function needs `model`: see `__call__`
    answering = weir.ReplayChatModel.from_recording(replayed) if replayed else model()
    return chain(answering)  # type: ignore[operator]


def _file_name(name: str) -> str:
    return _UNSAFE.sub("_", name).strip("._")[:120]


_FIXTURE = pytest.StashKey[RecordingFixture]()


@pytest.fixture
def weir_record(request: pytest.FixtureRequest) -> RecordingFixture:
    """Run a chain and return its `Recording`, or replay it: see `pytest --help`, --weir.

    A test that fails shows the run tree, the figures and the diagnosis of each recording.
    """
    fixture = RecordingFixture(request.node)
    request.node.stash[_FIXTURE] = fixture
    return fixture


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add the reports of its recordings to a test that failed, and keep the recordings."""
    report = yield
    fixture = item.stash.get(_FIXTURE, None)
    if fixture and call.when == "call" and report.failed:
        for number, recording in enumerate(fixture.recordings, start=1):
            path = _keep(item, recording, number)
            title = f"weir: {recording.name}, {recording.status.value}"
            report.sections.append((title, recording.report() + (f"\n\nrecording: {path}" if path else "")))
    return report


def _keep(item: pytest.Item, recording: "Recording", number: int) -> Path | None:
    """Write the recording of a failed test and return its file; None where there is no folder for it."""
    chosen = item.config.getoption("--weir-artifacts")
    if chosen:
        folder = item.config.invocation_params.dir / chosen
    elif hasattr(item.config, "cache") and item.config.cache is not None:
        folder = item.config.cache.mkdir("weir")
    else:
        return None
    folder.mkdir(parents=True, exist_ok=True)
    path: Path = folder / f"{_file_name(item.nodeid)}-{number}.jsonl"
    recording.save(path)
    return path

"""The process's one recorder and model source, which every page uses."""

import functools
import threading
from dataclasses import dataclass

from chains.settings import Settings, settings
from chains.source import ModelSource
from streaming.loop import BackgroundLoop
from streaming.recorder import Recorder
from streaming.store import MemoryStore

_BUILDING = threading.Lock()


@dataclass(frozen=True, slots=True)
class Service:
    """What the pages stand on."""

    settings: Settings
    models: ModelSource
    recorder: Recorder
    loop: BackgroundLoop

    def start(self) -> None:
        """Begin to load the embedded model, if it is what answers. Returns at once."""
        self.models.start()

    def close(self) -> None:
        """Stop all runs, the loop and the embedded engine."""
        self.recorder.stop_all()
        self.loop.submit(self.models.aclose()).result(timeout=10)
        self.loop.close()


@functools.cache
def _build() -> Service:
    chosen = settings()
    loop = BackgroundLoop()
    store = MemoryStore(budget=int(chosen.record_mb * 1e6))
    recorder = Recorder(store, loop, grace=chosen.grace, hidden=chosen.secrets)
    return Service(chosen, ModelSource(chosen), recorder, loop)


def service() -> Service:
    """Return the process's service, built at the first call."""
    with _BUILDING:
        return _build()

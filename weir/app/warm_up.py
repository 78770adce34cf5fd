"""Warm-up at the start of the server: lazy imports, and one answer of a model in this process.

Without it the first answer waits for both: 3.4 s to the first paint instead of 0.2 s (docs/benchmarks.md).
"""

import gc
import importlib
import logging
from collections.abc import Callable

from weir.analysis.answer_reader import answer_text
from weir.llm.chain_registry import PreparedRun
from weir.runs.background_loop import BackgroundLoop
from weir.runs.recorder import Recorder
from weir.runs.run_store import MemoryStore

LAZY_MODULES = ("pandas", "pyarrow")
"""Modules that Streamlit imports only for its first `st.write_stream` or component."""

_LOG = logging.getLogger(__name__)


def warm_up(loop: BackgroundLoop, prepare: Callable[[], PreparedRun]) -> None:
    """Stream one answer of the prepared chain into a record that is discarded."""
    for module in LAZY_MODULES:
        importlib.import_module(module)
    prepared = prepare()
    run = Recorder(MemoryStore(budget=1_000_000), loop).start(prepared.runnable, prepared.inputs)
    run.wait(timeout=60)
    # The imports create some hundred thousand objects that stay. Without this, each garbage collection visits all of
    # them, and delays every stream of the process.
    gc.collect()
    gc.freeze()
    _LOG.info("warm-up ended as %s with %r", run.status, answer_text(run.events))

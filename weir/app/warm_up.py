"""Warm-up at the start of the server: lazy imports, and one answer from a model that lives in this process.

Without it the first answer waits for them: 3.4 s to the first paint, against 0.2 s (docs/benchmarks.md).
"""

import gc
import importlib
import logging
from collections.abc import Callable

from weir.analysis.metrics import answer_text
from weir.llm.chain_registry import PreparedRun
from weir.runs.background_loop import BackgroundLoop
from weir.runs.recorder import Recorder
from weir.runs.run_store import MemoryStore

LAZY = ("pandas", "pyarrow")
"""What Streamlit imports no sooner than its first `st.write_stream` or component."""

_LOG = logging.getLogger(__name__)


def warm_up(loop: BackgroundLoop, prepare: Callable[[], PreparedRun]) -> None:
    """Stream one answer of the prepared chain into a record that is thrown away."""
    for module in LAZY:
        importlib.import_module(module)
    prepared = prepare()
    run = Recorder(MemoryStore(budget=1_000_000), loop).start(prepared.runnable, prepared.inputs)
    run.wait(timeout=60)
    # What the imports have made, some hundred thousand objects, stays. Without this, each collection goes through all
    # of it, and every stream of the process waits meanwhile.
    gc.collect()
    gc.freeze()
    _LOG.info("warm-up ended as %s with %r", run.status, answer_text(run.events))

"""What the first answer would otherwise wait for, done at the start: imports, clients, one turn of every wheel."""

import gc
import importlib
import logging

from chains.registry import warm_up_classifier
from chains.router import smart_router
from weir.analysis.metrics import text
from weir.app.services import service
from weir.llm.chat_model import rehearsal_model
from weir.runs.recorder import Recorder
from weir.runs.run_store import MemoryStore

LAZY = ("pandas", "pyarrow")
"""What Streamlit imports no sooner than its first `st.write_stream` or component."""

_LOG = logging.getLogger(__name__)


def warm_up() -> None:
    """Stream one answer from a model that lives in this process, into a record that is thrown away."""
    for module in LAZY:
        importlib.import_module(module)
    warm_up_classifier()
    recorder = Recorder(MemoryStore(budget=1_000_000), service().loop)
    run = recorder.start(smart_router(rehearsal_model()), {"question": "Ready?", "history": []})
    run.wait(timeout=60)
    # What the imports have made, some hundred thousand objects, stays. Each time garbage is collected all of it would
    # be gone through, with every stream of the process held up meanwhile.
    gc.collect()
    gc.freeze()
    _LOG.info("warm-up ended as %s with %r", run.status, text(run.events))

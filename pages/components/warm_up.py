"""What the first answer would otherwise wait for, done at the start: imports, clients, one turn of every wheel."""

import gc
import importlib
import logging

from chains.catalog import warm_up_classifier
from chains.model import rehearsal_model
from chains.router import smart_router
from pages.components.service import service
from streaming.metrics import text
from streaming.recorder import Recorder
from streaming.store import MemoryStore

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

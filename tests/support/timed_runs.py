"""Events and runs whose chunks arrive at given times."""

from collections.abc import Sequence

from weir.core.run_event import Component, RunEvent
from weir.core.serialization import dumps

ROOT = Component("story", "root", (), (), {})
MODEL = Component("model", "model", ("root",), (), {})


def stream_events(
    *chunks: tuple[float, str], component: Component = ROOT, event: str = "on_chain_stream"
) -> Sequence[RunEvent]:
    """Return a streaming event for each chunk, given as (seconds, text)."""
    return [RunEvent(seq, at, event, component, dumps({"chunk": text})) for seq, (at, text) in enumerate(chunks)]

"""Weir: the network panel for LangChain. Runs chains, records what they stream, measures and checks it.

What is in `__all__` is the library's public face (docs/library.md). It is imported at its first use, so that
`import weir` loads no LangChain.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from weir.attach.weir_tail import attach
    from weir.library.recording import Recording, arecord, record
    from weir.library.recording import open_recording as open
    from weir.llm.replay_model import ReplayChatModel
    from weir.partial_json.parser import PartialJson

__version__ = "0.1.0"

__all__ = ["PartialJson", "Recording", "ReplayChatModel", "arecord", "attach", "open", "record"]

_MODULES = {
    "PartialJson": ("weir.partial_json.parser", "PartialJson"),
    "Recording": ("weir.library.recording", "Recording"),
    "ReplayChatModel": ("weir.llm.replay_model", "ReplayChatModel"),
    "arecord": ("weir.library.recording", "arecord"),
    "open": ("weir.library.recording", "open_recording"),
    "record": ("weir.library.recording", "record"),
}


def __getattr__(name: str) -> Any:
    if name == "attach":
        # The room has the function's name, and can be called.
        return importlib.import_module("weir.attach")
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, attribute = _MODULES[name]
    return getattr(importlib.import_module(module), attribute)


def __dir__() -> list[str]:
    return [*globals(), *__all__]

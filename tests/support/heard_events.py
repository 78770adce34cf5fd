"""What Weir's own callback handler hears of the runs of a process, written line by line beside the tail."""

import time
from contextvars import ContextVar
from pathlib import Path
from typing import Any
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler

from weir.core import serialization
from weir.core.run_event import Component, as_plain
from weir.runs.callback_handler import EventCallbackHandler

STARTS = ("on_chain_start", "on_chat_model_start", "on_llm_start", "on_tool_start", "on_retriever_start")
OTHERS = (
    "on_llm_new_token", "on_chain_end", "on_llm_end", "on_tool_end", "on_tool_error", "on_retriever_end",
    "on_custom_event",
)  # fmt: skip


class HeardEvents(BaseCallbackHandler):
    """Gives each root run a handler of its own, as the recorder does."""

    run_inline = True

    def __init__(self, folder: str) -> None:
        self._folder = Path(folder)
        self._handlers: dict[UUID, EventCallbackHandler] = {}

    def start(self, method: str, run_id: UUID, args: Any, kwargs: Any) -> None:
        handler = self._handlers.get(kwargs.get("parent_run_id"))
        if handler is None:
            began = time.monotonic()

            def write(event: str, component: Component, data: Any) -> None:
                line = {**_fields(as_plain(component)), "event": event, "at": time.monotonic() - began, "data": data}
                with open(self._folder / f"{run_id}.jsonl", "ab") as file:
                    file.write(serialization.dumps(line) + b"\n")

            handler = EventCallbackHandler(write, run_id, None)
        self._handlers[run_id] = handler
        getattr(handler, method)(*args, run_id=run_id, **kwargs)

    def other(self, method: str, run_id: UUID, args: Any, kwargs: Any) -> None:
        if handler := self._handlers.get(run_id):
            getattr(handler, method)(*args, run_id=run_id, **kwargs)


def _fields(component: Component) -> dict[str, Any]:
    return {
        "name": component.name,
        "run_id": component.run_id,
        "parent_ids": list(component.parent_ids),
        "tags": list(component.tags),
        "metadata": component.metadata,
    }


def _method(name: str) -> Any:
    def call(self: HeardEvents, *args: Any, run_id: UUID, **kwargs: Any) -> None:
        (self.start if name in STARTS else self.other)(name, run_id, args, kwargs)

    return call


for _name in (*STARTS, *OTHERS):
    setattr(HeardEvents, _name, _method(_name))


def hear(context: Any, folder: str) -> None:
    """Add the handler to all runs of this process."""
    variable: ContextVar[Any] = ContextVar("heard", default=HeardEvents(folder))  # noqa: B039
    context.register_configure_hook(variable, inheritable=True)

"""Callbacks: `invoke()` with a handler."""

from collections.abc import Callable
from typing import Any

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.runnables import Runnable, RunnableConfig


def with_callbacks(chain: Runnable[Any, Any], value: Any, config: RunnableConfig, show: Callable[[Any], None]) -> None:
    """Call the chain once; a handler hears each token. The model must be made with streaming=True."""

    class Tokens(BaseCallbackHandler):
        def on_llm_new_token(self, token: Any, **_: Any) -> None:
            show(token)

    chain.with_config(callbacks=[Tokens()]).invoke(value, config)

"""`stream()`."""

from collections.abc import Callable
from typing import Any

from langchain_core.runnables import Runnable, RunnableConfig


def with_stream(chain: Runnable[Any, Any], value: Any, config: RunnableConfig, show: Callable[[Any], None]) -> None:
    """Take each chunk as it comes, in a plain loop."""
    for chunk in chain.stream(value, config):
        show(chunk)

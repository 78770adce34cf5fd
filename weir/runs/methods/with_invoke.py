"""`invoke()`."""

from collections.abc import Callable
from typing import Any

from langchain_core.runnables import Runnable, RunnableConfig


def with_invoke(chain: Runnable[Any, Any], value: Any, config: RunnableConfig, show: Callable[[Any], None]) -> None:
    """Wait for the whole answer, then show it at once."""
    show(chain.invoke(value, config))

"""`astream()`."""

from collections.abc import Callable
from contextlib import aclosing
from typing import Any

from langchain_core.runnables import Runnable, RunnableConfig


async def with_astream(
    chain: Runnable[Any, Any], value: Any, config: RunnableConfig, show: Callable[[Any], None]
) -> None:
    """Take each chunk as it comes, and let others work meanwhile."""
    async with aclosing(chain.astream(value, config)) as chunks:  # type: ignore[type-var]
        async for chunk in chunks:
            show(chunk)

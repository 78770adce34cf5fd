"""`astream_events()`."""

from collections.abc import Callable
from contextlib import aclosing
from typing import Any

from langchain_core.runnables import Runnable, RunnableConfig


async def with_astream_events(
    chain: Runnable[Any, Any], value: Any, config: RunnableConfig, show: Callable[[Any], None]
) -> None:
    """Take what each step of the chain reports. The text is in the events named on_chain_stream without parents."""
    async with aclosing(chain.astream_events(value, config, version="v2")) as events:  # type: ignore[type-var]
        async for event in events:
            show(event)

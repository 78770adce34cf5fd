"""RunnableSequence that passes each chunk on in one task.

LangChain handles each chunk of each step in a task, keeps a second queue of its input, and adds that up chunk by chunk
when the step ends. For a chunk of one token this is a quarter of the time that recording takes (docs/benchmarks.md).
"""

import contextlib
import functools
import itertools
import operator
from collections.abc import AsyncIterator, Callable
from typing import Any

import langchain_core.runnables
from langchain_core.callbacks import AsyncCallbackManagerForChainRun
from langchain_core.messages import AIMessageChunk
from langchain_core.runnables import Runnable, RunnableConfig
from langchain_core.runnables.config import ensure_config, get_async_callback_manager_for_config, patch_config
from langchain_core.runnables.utils import Input, Output

Transform = Callable[[AsyncIterator[Any], AsyncCallbackManagerForChainRun, RunnableConfig], AsyncIterator[Any]]
"""A step's function from its stream of input to its stream of output."""


class DirectRunnableSequence(langchain_core.runnables.RunnableSequence[Input, Output]):
    """RunnableSequence with the same events. `|` after it gives one of LangChain's class."""

    def __init__(self, *steps: Runnable[Any, Any], name: str | None = None) -> None:
        # The name in events is that of LangChain's class.
        super().__init__(*steps, name=name or "RunnableSequence")

    def atransform(
        self, input: AsyncIterator[Input], config: RunnableConfig | None = None, **kwargs: Any
    ) -> AsyncIterator[Output]:
        transform = functools.partial(self._atransform, **kwargs)
        named = patch_config(config, run_name=(config or {}).get("run_name") or self.name)
        return stream_step(self, input, transform, named)


async def stream_step(
    step: Runnable[Any, Any],
    input: AsyncIterator[Any],
    transform: Transform,
    config: RunnableConfig | None,
    *,
    run_type: str | None = None,
) -> AsyncIterator[Any]:
    """Yield the chunks that `transform` makes of `input`, and run the callbacks of `config` as for a run of `step`.

    The callbacks are called as LangChain calls them, in the same order. Unlike there, everything happens in the task
    and the context of the consumer of the chunks.
    """
    source = aiter(input)
    # A step starts when the first chunk of the one before it is there.
    inputs: list[Any] = []
    with contextlib.suppress(StopAsyncIteration):
        inputs.append(await anext(source))

    async def incoming() -> AsyncIterator[Any]:
        for chunk in tuple(inputs):
            yield chunk
        async for chunk in source:
            inputs.append(chunk)
            yield chunk

    config = ensure_config(config)
    manager = await get_async_callback_manager_for_config(config).on_chain_start(
        None,
        {"input": ""},
        run_type=run_type,
        name=config.get("run_name") or step.get_name(),
        run_id=config.pop("run_id", None),
    )
    outputs: list[Any] = []
    remaining = incoming()
    output = transform(remaining, manager, patch_config(config, callbacks=manager.get_child()))
    try:
        async for chunk in _tapped(output, manager):
            yield chunk
            outputs.append(chunk)
        async for _ in remaining:
            pass  # chunks that the step has not read are part of its input too
        merged_input, merged_output = merge_chunks(inputs), merge_chunks(outputs)
    except BaseException as error:
        await manager.on_chain_error(error, inputs=inputs[0] if inputs else None)
        raise
    else:
        await manager.on_chain_end(merged_output, inputs=merged_input)
    finally:
        for stream in (output, remaining, source):
            if close := getattr(stream, "aclose", None):
                await close()


def _tapped(output: AsyncIterator[Any], manager: AsyncCallbackManagerForChainRun) -> AsyncIterator[Any]:
    """Return the output as the first handler with a tap sees it. LangChain uses only one such handler too."""
    for handler in manager.handlers:
        if tap := getattr(handler, "tap_output_aiter", None):
            tapped: AsyncIterator[Any] = tap(manager.run_id, output)
            return tapped
    return output


def merge_chunks(chunks: list[Any]) -> Any:
    """Return the sum of all chunks, or the last one if they cannot be added; None if there are none."""
    if len(chunks) < 2:
        return chunks[0] if chunks else None
    if all(isinstance(chunk, str) for chunk in chunks):
        return "".join(chunks)
    if all(isinstance(chunk, list) for chunk in chunks):
        return list(itertools.chain.from_iterable(chunks))
    try:
        if all(isinstance(chunk, AIMessageChunk) for chunk in chunks):
            return chunks[0] + chunks[1:]
        return functools.reduce(operator.add, chunks)
    except TypeError:
        return chunks[-1]

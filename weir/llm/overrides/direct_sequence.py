"""Streams that hand each chunk straight on.

LangChain takes each chunk of each step in a task of its own, keeps a second queue of what goes in, and adds that up one
by one when the step ends. Where a chunk is a token, this is a quarter of what recording it costs (docs/benchmarks.md).
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
"""Makes one stream of another."""


class DirectRunnableSequence(langchain_core.runnables.RunnableSequence[Input, Output]):
    """LangChain's, with the same events. A `|` behind it makes one of LangChain's own of it."""

    def __init__(self, *steps: Runnable[Any, Any], name: str | None = None) -> None:
        # Events have the name of LangChain's class.
        super().__init__(*steps, name=name or "RunnableSequence")

    def atransform(
        self, input: AsyncIterator[Input], config: RunnableConfig | None = None, **wanted: Any
    ) -> AsyncIterator[Output]:
        transform = functools.partial(self._atransform, **wanted)
        named = patch_config(config, run_name=(config or {}).get("run_name") or self.name)
        return stream_step(self, input, transform, named)


async def stream_step(
    step: Runnable[Any, Any],
    given: AsyncIterator[Any],
    transform: Transform,
    config: RunnableConfig | None,
    *,
    run_type: str | None = None,
) -> AsyncIterator[Any]:
    """Yield what `transform` makes of the chunks `given`, and tell the callbacks of `config` as of a run of `step`.

    They are told what LangChain tells them, and in its order. Other than there, all happens in the task, and in the
    context, of whoever takes the chunks.
    """
    source = aiter(given)
    # The step begins once the one before it has: its first chunk is there.
    taken: list[Any] = []
    with contextlib.suppress(StopAsyncIteration):
        taken.append(await anext(source))

    async def incoming() -> AsyncIterator[Any]:
        for chunk in tuple(taken):
            yield chunk
        async for chunk in source:
            taken.append(chunk)
            yield chunk

    config = ensure_config(config)
    manager = await get_async_callback_manager_for_config(config).on_chain_start(
        None,
        {"input": ""},
        run_type=run_type,
        name=config.get("run_name") or step.get_name(),
        run_id=config.pop("run_id", None),
    )
    yielded: list[Any] = []
    rest = incoming()
    made = transform(rest, manager, patch_config(config, callbacks=manager.get_child()))
    try:
        async for chunk in _tapped(made, manager):
            yield chunk
            yielded.append(chunk)
        async for _ in rest:
            pass  # what the step has left is part of its input
        given_in_all, made_in_all = merge_chunks(taken), merge_chunks(yielded)
    except BaseException as error:
        await manager.on_chain_error(error, inputs=taken[0] if taken else None)
        raise
    else:
        await manager.on_chain_end(made_in_all, inputs=given_in_all)
    finally:
        for stream in (made, rest, source):
            if close := getattr(stream, "aclose", None):
                await close()


def _tapped(made: AsyncIterator[Any], manager: AsyncCallbackManagerForChainRun) -> AsyncIterator[Any]:
    """Let the handler that wants to hear of each chunk do so: LangChain, too, asks one alone."""
    for handler in manager.handlers:
        if tap := getattr(handler, "tap_output_aiter", None):
            tapped: AsyncIterator[Any] = tap(manager.run_id, made)
            return tapped
    return made


def merge_chunks(chunks: list[Any]) -> Any:
    """Return all chunks as one, or the last of them where they can't be added; None where there are none."""
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

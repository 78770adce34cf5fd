"""StrOutputParser that passes each chunk on without a thread."""

from collections.abc import AsyncIterator
from typing import Any

from langchain_core.messages import BaseMessage
from langchain_core.output_parsers import StrOutputParser as LangChainsParser
from langchain_core.outputs import ChatGeneration, Generation
from langchain_core.runnables import RunnableConfig

from weir.llm.overrides.direct_sequence import stream_step


class DirectStrOutputParser(LangChainsParser):
    """StrOutputParser with the same events.

    LangChain's sends each chunk to a thread and back, where it waits behind the threads of all pages.
    """

    name: str | None = "StrOutputParser"
    """The name in events: that of LangChain's class."""

    def atransform(
        self, input: AsyncIterator[str | BaseMessage], config: RunnableConfig | None = None, **_: Any
    ) -> AsyncIterator[str]:
        return stream_step(self, input, self._texts, config, run_type="parser")

    async def _texts(self, messages: AsyncIterator[str | BaseMessage], *_: Any) -> AsyncIterator[str]:
        async for message in messages:
            if isinstance(message, BaseMessage) and isinstance(message.content, str):
                yield message.content
            else:
                is_message = isinstance(message, BaseMessage)
                yield self.parse_result([ChatGeneration(message=message) if is_message else Generation(text=message)])

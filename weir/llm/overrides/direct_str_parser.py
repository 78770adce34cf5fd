"""What a model writes, as text."""

from collections.abc import AsyncIterator
from typing import Any

from langchain_core.messages import BaseMessage
from langchain_core.output_parsers import StrOutputParser as LangChainsParser
from langchain_core.outputs import ChatGeneration, Generation
from langchain_core.runnables import RunnableConfig

from weir.llm.overrides.direct_sequence import stream_step


class DirectStrOutputParser(LangChainsParser):
    """LangChain's parser of the same name, with the same events, which hands each chunk straight on.

    There the chunk takes a trip to another thread as well, and waits for its turn behind the threads of all pages, to
    come back as it was.
    """

    name: str | None = "StrOutputParser"
    """What its events are called: as LangChain's class."""

    def atransform(
        self, input: AsyncIterator[str | BaseMessage], config: RunnableConfig | None = None, **_: Any
    ) -> AsyncIterator[str]:
        return stream_step(self, input, self._texts, config, run_type="parser")

    async def _texts(self, messages: AsyncIterator[str | BaseMessage], *_: Any) -> AsyncIterator[str]:
        async for message in messages:
            if isinstance(message, BaseMessage) and isinstance(message.content, str):
                yield message.content
            else:
                said = ChatGeneration(message=message) if isinstance(message, BaseMessage) else Generation(text=message)
                yield self.parse_result([said])

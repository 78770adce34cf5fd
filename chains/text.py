"""What a model writes, as text."""

from collections.abc import AsyncIterator

from langchain_core.messages import BaseMessage
from langchain_core.output_parsers import StrOutputParser as LangChainsParser
from langchain_core.outputs import ChatGeneration, Generation


class StrOutputParser(LangChainsParser):
    """LangChain's parser of the same name, with the same events, but without a trip to another thread for each chunk.

    There the chunk would wait for its turn behind the threads of all pages, to come back as it was.
    """

    async def _atransform(self, input: AsyncIterator[str | BaseMessage]) -> AsyncIterator[str]:
        async for chunk in input:
            said = ChatGeneration(message=chunk) if isinstance(chunk, BaseMessage) else Generation(text=chunk)
            yield self.parse_result([said])

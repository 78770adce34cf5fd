"""JsonOutputParser that takes time linear in the length of the answer.

LangChain's parses all of the text so far at each chunk, and tries each prefix of a text that is no JSON: 100,000
characters of prose block the event loop, which all runs share, for minutes.
"""

import json
import marshal
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from langchain_core import runnables
from langchain_core.exceptions import OutputParserException
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage
from langchain_core.output_parsers import BaseTransformOutputParser, JsonOutputParser
from langchain_core.runnables import Runnable, RunnableConfig
from langchain_core.utils.json import parse_json_markdown

from weir.llm.overrides.direct_sequence import stream_step
from weir.partial_json.dialect import ControlCharacters, Dialect, NumberMode, SurroundingText
from weir.partial_json.parser import PartialJson

EACH_CHANGE = 2_000
"""Length of an answer, in characters, up to which each change is yielded. Beyond it a value is yielded whenever the
answer has grown by `STEP` of its length: to copy and record a value takes time and memory in proportion to its size."""
STEP = 1 / 20

_DIALECT = Dialect(SurroundingText.WHITE_SPACE, ControlCharacters.ACCEPTED, NumberMode.INCREMENTAL)
_FENCE = "```"
_LANGUAGE = "json"
_EDGES = " \n\r\t`"
"""Characters that LangChain strips off both ends of JSON."""


class LinearJsonOutputParser(BaseTransformOutputParser[Any]):
    """LangChain's JsonOutputParser in linear time.

    It has the same events, and yields the same values except for the differences listed in docs/partial_json.md.
    """

    name: str | None = "JsonOutputParser"

    def parse(self, text: str) -> Any:
        """Return the value of a whole answer. Raises OutputParserException if it has no JSON."""
        text = text.strip()
        try:
            return parse_json_markdown(text, parser=_loads)
        except json.JSONDecodeError as error:
            raise OutputParserException(f"Invalid json output: {text}", llm_output=text) from error

    def atransform(
        self, input: AsyncIterator[str | BaseMessage], config: RunnableConfig | None = None, **_: Any
    ) -> AsyncIterator[Any]:
        return stream_step(self, input, self._values, config, run_type="parser")

    def _transform(self, input: Iterator[str | BaseMessage]) -> Iterator[Any]:
        answer = _GrowingAnswer()
        for chunk in input:
            yield from answer.feed(_text(chunk))
        yield from answer.rest()

    async def _values(self, chunks: AsyncIterator[str | BaseMessage], *_: Any) -> AsyncIterator[Any]:
        answer = _GrowingAnswer()
        async for chunk in chunks:
            for value in answer.feed(_text(chunk)):
                yield value
        for value in answer.rest():
            yield value


def with_json_schema(model: BaseChatModel, schema: dict[str, Any], **kwargs: Any) -> Runnable[Any, Any]:
    """Return `model.with_structured_output(schema, method="json_schema")` with a `LinearJsonOutputParser`.

    Without the step that raises for a refusal: it would be one more step of the run that handles each chunk.
    """
    chain = model.with_structured_output(schema, method="json_schema", **kwargs)
    if isinstance(chain, runnables.RunnableSequence) and isinstance(chain.last, JsonOutputParser):
        return chain.first | LinearJsonOutputParser()
    return chain


class _GrowingAnswer:
    """The values of an answer that arrives in chunks; each is a separate copy.

    The JSON is where LangChain looks for it: at the beginning of the text or, if that is no value, after the first
    fence.
    """

    def __init__(self) -> None:
        self._parser = PartialJson(dialect=_DIALECT)
        self._read: Callable[[str], None] = self._whole
        self._pieces: list[str] = []
        """The text so far, until it is known whether JSON begins at its start."""
        self._end = ""
        """The end of the text that was searched for a fence or its language."""
        self._edges: list[str] = []
        """Characters that are part of the JSON only if more of it follows."""
        self._length = 0
        self._yielded_length = 0
        self._yielded: Any = None

    def feed(self, text: str) -> Iterator[Any]:
        """Yield the value after a chunk, if it has grown enough (`EACH_CHANGE`)."""
        self._read(text)
        if self._length <= EACH_CHANGE or self._length - self._yielded_length >= self._length * STEP:
            yield from self.rest()

    def rest(self) -> Iterator[Any]:
        """Yield the value, if it differs from the last one."""
        if self._length == self._yielded_length:
            return
        self._yielded_length = self._length
        value = self._parser.value
        if value is not None and value != self._yielded:
            # marshal is the fastest copy that supports all of JSON: lone surrogates, large integers, infinite numbers.
            copy_bytes = marshal.dumps(value)
            self._yielded = marshal.loads(copy_bytes)
            yield marshal.loads(copy_bytes)

    def _whole(self, text: str) -> None:
        self._pieces.append(text)
        self._parse(text)
        if self._parser.value is not None:
            self._pieces.clear()
            self._read = self._parse
        elif self._parser.error is not None:
            self._read = self._before_fence
            self._read("".join(self._pieces))
            self._pieces.clear()

    def _before_fence(self, text: str) -> None:
        before, fence, after = (self._end + text).partition(_FENCE)
        self._end = before[1 - len(_FENCE) :]
        if fence:
            self._end = ""
            self._parser, self._edges, self._length = PartialJson(dialect=_DIALECT), [], 0
            self._yielded_length = 0
            self._read = self._language
            self._read(after)

    def _language(self, text: str) -> None:
        self._end += text
        if not _LANGUAGE.startswith(self._end) or self._end == _LANGUAGE:
            self._read = self._parse
            self._read(self._end.removeprefix(_LANGUAGE))

    def _parse(self, text: str) -> None:
        if self._parser.error is not None:
            return
        if not self._length:
            text = text.lstrip().lstrip(_EDGES)
        body = text.rstrip().rstrip(_EDGES)
        if body:
            body_with_edges = "".join([*self._edges, body])
            self._parser.feed(body_with_edges)
            self._length += len(body_with_edges)
            self._edges.clear()
        if edge := text[len(body) :]:
            self._edges.append(edge)


def _text(chunk: str | BaseMessage) -> str:
    return str(chunk.text) if isinstance(chunk, BaseMessage) else chunk


def _loads(text: str) -> Any:
    """Return the value of a text up to its end or first error. Raises JSONDecodeError if there is none."""
    try:
        return json.loads(text, strict=False)
    except json.JSONDecodeError:
        parser = PartialJson(dialect=_DIALECT)
        parser.feed(text)
        if "" not in parser.fields:
            raise
        return parser.value

from collections.abc import AsyncIterator
from typing import Any

import pytest
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from langchain_core.output_parsers import JsonOutputParser
from langchain_core.runnables import RunnableGenerator, RunnableLambda

from weir.analysis.answer_reader import answer_text
from weir.analysis.metrics import run_metrics
from weir.analysis.run_json import RunJsonReader
from weir.runs.recorder import Recorder


def test_the_reader_has_the_models_text_and_the_chains_chunks(recorder: Recorder) -> None:
    model = GenericFakeChatModel(messages=iter([AIMessage('{"a": "one two"}')]))
    run = recorder.start(model | JsonOutputParser(), "go")
    assert run.wait(30)
    reader = RunJsonReader()
    reader.read(run.events)
    chunks = reader.chunks()
    assert "".join(chunk.text for chunk in chunks) == '{"a": "one two"}'
    assert [chunk.elapsed for chunk in chunks] == sorted(chunk.elapsed for chunk in chunks)
    assert reader.chunks(2) == chunks[2:]
    assert [output.value for output in reader.outputs][-1] == {"a": "one two"}


def test_without_a_model_the_reader_has_the_roots_text(recorder: Recorder) -> None:
    run = recorder.start(RunnableLambda(lambda _: "[1]"), "go")
    assert run.wait(30)
    reader = RunJsonReader()
    reader.read(run.events)
    assert [chunk.text for chunk in reader.chunks()] == ["[1]"]


def test_before_the_first_event_there_are_no_chunks() -> None:
    assert RunJsonReader().chunks() == []


@pytest.mark.parametrize(
    "partials",
    [
        [{}, {"content": [1]}, {"content": [1, 2]}],
        [{}, {"content": "one"}, {"content": "one two"}],
        [{"content": None}, {"content": {"content": "x"}}],
    ],
)
def test_a_field_named_content_in_a_users_schema_is_not_a_message(recorder: Recorder, partials: list[Any]) -> None:
    async def yields(inputs: AsyncIterator[Any]) -> AsyncIterator[Any]:
        async for _ in inputs:
            for partial in partials:
                yield partial

    model = GenericFakeChatModel(messages=iter([AIMessage('{"content": []}')]))
    run = recorder.start(model | RunnableGenerator(yields, name="structured"), "go")
    assert run.wait(30)
    reader = RunJsonReader()
    reader.read(run.events)
    assert "".join(chunk.text for chunk in reader.chunks()) == '{"content": []}'
    assert [output.value for output in reader.outputs][-len(partials) :] == partials
    assert run_metrics(run.events).characters == 0
    assert answer_text(run.events) == ""

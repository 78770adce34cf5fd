from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from langchain_core.output_parsers import JsonOutputParser
from langchain_core.runnables import RunnableLambda

from streaming.json_stream import JsonStream
from streaming.recorder import Recorder


def test_it_has_the_models_text_and_what_the_chain_gave_out(recorder: Recorder) -> None:
    model = GenericFakeChatModel(messages=iter([AIMessage('{"a": "one two"}')]))
    run = recorder.start(model | JsonOutputParser(), "go")
    assert run.wait(5)
    stream = JsonStream()
    stream.read(run.events)
    chunks = stream.chunks()
    assert "".join(chunk.text for chunk in chunks) == '{"a": "one two"}'
    assert [chunk.at for chunk in chunks] == sorted(chunk.at for chunk in chunks)
    assert stream.chunks(2) == chunks[2:]
    assert [found.value for found in stream.yielded][-1] == {"a": "one two"}


def test_of_a_run_without_a_model_it_has_the_roots_text(recorder: Recorder) -> None:
    run = recorder.start(RunnableLambda(lambda _: "[1]"), "go")
    assert run.wait(5)
    stream = JsonStream()
    stream.read(run.events)
    assert [chunk.text for chunk in stream.chunks()] == ["[1]"]


def test_before_the_first_event_there_is_nothing() -> None:
    assert JsonStream().chunks() == []

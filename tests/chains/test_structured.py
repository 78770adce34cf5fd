import asyncio
from collections.abc import AsyncIterator
from itertools import pairwise
from typing import Any

import httpx2
import pytest
from langchain_core.output_parsers import JsonOutputParser
from langchain_core.runnables import RunnableGenerator
from pydantic import ValidationError

from chains.structured import EXAMPLES, FieldListError, StructuredMethod, bounded, class_of_fields, structured_chain
from tests.support.fake_openai import FakeOpenAI, Fault, Plan
from weir.analysis.answer_reader import answer_text
from weir.config.settings import Settings
from weir.llm.abortable_client import AbortableConnections
from weir.llm.chat_model import chat_model, configured_endpoint
from weir.partial_json.adversarial_chunking import by_characters
from weir.runs.background_loop import BackgroundLoop
from weir.runs.failure_sentences import FailureKind
from weir.runs.methods import Method as Way
from weir.runs.recorder import Recorder
from weir.runs.run import Status
from weir.runs.run_store import MemoryStore

PIECES = ['{"title": "So', 'up", "verdict": "go', 'od", "stars": 4, "rea', 'son": "Warm"}']


@pytest.fixture
def model(openai_server: FakeOpenAI, http: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("OPENAI_BASE_URL", openai_server.url)
    settings = Settings()
    return chat_model(configured_endpoint(settings), settings, http)


@pytest.mark.parametrize("method", [StructuredMethod.TEXT, StructuredMethod.DICT, StructuredMethod.PARSER])
def test_each_way_streams_the_same_answer(
    recorder: Recorder, model: Any, openai_server: FakeOpenAI, method: StructuredMethod
) -> None:
    openai_server.plan = Plan(tokens=PIECES, structured_tokens=PIECES)
    run = recorder.start(structured_chain(model, EXAMPLES["Review"], method), {"topic": "soup"})
    assert run.wait(30)
    assert run.status is Status.DONE
    chunks = [event.data["chunk"] for event in run.events if event.is_root and event.event.endswith("_stream")]
    chunks = [chunk for chunk in chunks if chunk]
    assert len(chunks) == 4
    whole = "".join(chunks) if method is StructuredMethod.TEXT else chunks[-1]
    assert whole == (
        "".join(PIECES)
        if method is StructuredMethod.TEXT
        else {"title": "Soup", "verdict": "good", "stars": 4, "reason": "Warm"}
    )
    body = openai_server.seen[-1].body
    assert ("response_format" in body) is (method is not StructuredMethod.PARSER)


@pytest.mark.parametrize("fault", [Fault.NOTHING, Fault.DONE_ALONE])
@pytest.mark.parametrize("way", [Way.ASTREAM, Way.STREAM])
@pytest.mark.parametrize("method", list(StructuredMethod))
def test_an_answer_without_a_chunk_is_none_in_each_way(
    recorder: Recorder,
    openai_server: FakeOpenAI,
    http: httpx2.AsyncClient,
    monkeypatch: pytest.MonkeyPatch,
    method: StructuredMethod,
    way: Way,
    fault: Fault,
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", openai_server.url)
    settings = Settings()
    openai_server.plan = openai_server.structured = Plan(fault=fault)
    line = None if way.is_async else AbortableConnections()
    model = chat_model(configured_endpoint(settings), settings, http, connections=line)
    chain = structured_chain(model, EXAMPLES["Review"], method)
    run = recorder.start(chain, {"topic": "soup"}, method=way, connections=line)
    assert run.wait(30)
    assert run.failure
    assert run.failure.kind is FailureKind.NO_ANSWER


@pytest.mark.parametrize("method", [StructuredMethod.TEXT, StructuredMethod.DICT, StructuredMethod.PARSER])
def test_an_answer_that_is_whole_where_a_stream_was_asked_for_is_taken(
    recorder: Recorder, model: Any, openai_server: FakeOpenAI, method: StructuredMethod
) -> None:
    openai_server.plan = openai_server.structured = Plan(tokens=PIECES, fault=Fault.WHOLE)
    run = recorder.start(structured_chain(model, EXAMPLES["Review"], method), {"topic": "soup"})
    assert run.wait(30)
    assert run.status is Status.DONE
    assert answer_text(run.events) == "".join(PIECES) or method is not StructuredMethod.TEXT
    assert run.events[-1].data["output"]


LONG = 200_000
"""Characters of a long answer."""
PROSE = ("", "Once upon a time, in a land of rain. ")
OBJECTS = ('{"items": [', '{"a": "b c", "d": [1, 2.5, null]}, ')


@pytest.mark.slow
@pytest.mark.parametrize("way", [Way.ASTREAM, Way.STREAM])
@pytest.mark.parametrize("method", [StructuredMethod.DICT, StructuredMethod.PYDANTIC, StructuredMethod.PARSER])
@pytest.mark.parametrize("answer", [PROSE, OBJECTS], ids=["prose", "objects"])
def test_a_long_answer_takes_seconds_and_another_run_streams_meanwhile(
    loop: BackgroundLoop,
    http: httpx2.AsyncClient,
    openai_server: FakeOpenAI,
    monkeypatch: pytest.MonkeyPatch,
    answer: tuple[str, str],
    method: StructuredMethod,
    way: Way,
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", openai_server.url)
    begin, unit = answer
    openai_server.plan = Plan(tokens=by_characters(begin + unit * (LONG // len(unit)), 100))
    openai_server.structured = openai_server.plan
    settings, line = Settings(), None if way.is_async else AbortableConnections()
    model = chat_model(configured_endpoint(settings), settings, http, connections=line)
    recorder = Recorder(MemoryStore(budget=256_000_000), loop)

    async def ticks(_: Any) -> AsyncIterator[str]:
        while True:
            yield "."
            await asyncio.sleep(0.01)

    other = recorder.start(RunnableGenerator(ticks, name="ticks"), "go")
    run = recorder.start(
        structured_chain(model, EXAMPLES["Review"], method), {"topic": "soup"}, method=way, connections=line
    )
    assert run.wait(30)
    other.stop()
    assert other.wait(30)
    times = [event.elapsed for event in other.events]
    assert max(later - earlier for earlier, later in pairwise(times)) < 5
    is_refused = method is StructuredMethod.PYDANTIC or (way is Way.INVOKE and answer is PROSE)
    assert run.status is (Status.FAILED if is_refused else Status.DONE)
    assert (run.failure and run.failure.kind) is (FailureKind.UNUSABLE if is_refused else None)


@pytest.mark.parametrize("way", [Way.ASTREAM, Way.STREAM])
def test_the_class_is_parsed_once_and_whole(
    recorder: Recorder, http: httpx2.AsyncClient, openai_server: FakeOpenAI, monkeypatch: pytest.MonkeyPatch, way: Way
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", openai_server.url)
    openai_server.plan = Plan(tokens=PIECES, structured_tokens=PIECES)
    settings, line = Settings(), None if way.is_async else AbortableConnections()
    model = chat_model(configured_endpoint(settings), settings, http, connections=line)
    chain = structured_chain(model, EXAMPLES["Review"], StructuredMethod.PYDANTIC)
    run = recorder.start(chain, {"topic": "soup"}, method=way, connections=line)
    assert run.wait(30)
    assert run.status is Status.DONE
    assert run.events[-1].data["output"] == {"title": "Soup", "verdict": "good", "stars": 4, "reason": "Warm"}


def test_a_refusal_that_langchains_parser_raises_is_a_refusal(
    recorder: Recorder, model: Any, openai_server: FakeOpenAI
) -> None:
    openai_server.plan = Plan(refusal="I will not")
    run = recorder.start(model | JsonOutputParser(), "soup")
    assert run.wait(30)
    assert (run.failure and run.failure.kind) is FailureKind.REFUSAL


@pytest.mark.parametrize("method", StructuredMethod)
def test_a_list_of_fields_of_ones_own_streams_to_its_end(
    recorder: Recorder, model: Any, openai_server: FakeOpenAI, method: StructuredMethod
) -> None:
    pieces = ['{"colour": "te', 'al"}']
    openai_server.plan = Plan(tokens=pieces, structured_tokens=pieces)
    run = recorder.start(structured_chain(model, class_of_fields("colour: str"), method), {"topic": "teal"})
    assert run.wait(30)
    assert (run.status, run.failure) == (Status.DONE, None)


def test_every_example_is_bounded() -> None:
    for example in EXAMPLES.values():
        schema = example.model_json_schema()
        assert bounded(schema) == schema


def test_a_schema_without_bounds_gets_them() -> None:
    lists = {"type": "array", "items": {"type": "string"}}
    schema = {"type": "object", "properties": {"a": lists, "b": {"enum": ["x"]}}}
    found = bounded(schema)["properties"]
    assert found["a"] == {"type": "array", "items": {"type": "string", "maxLength": 200}, "maxItems": 6}
    assert found["b"] == {"enum": ["x"]}


def test_a_list_of_fields_is_a_class() -> None:
    made = class_of_fields("name: str\n  tags: list[str]\nyear: int | None\nverdict: Literal['good', 'bad']")
    assert made.model_validate({"name": "a", "tags": ["b"], "year": None, "verdict": "bad"})
    with pytest.raises(ValidationError):
        made.model_validate({"name": "a", "tags": [], "year": 1, "verdict": "so-so"})
    assert bounded(made.model_json_schema()) == made.model_json_schema()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "Write 1 to 40 fields"),
        ("name", "Line 1 is not a field"),
        ("name: str = 'x'", "Line 1 is not a field"),
        ("name: object", "`object` is not one of"),
        ("a: str\nb: __import__('os').system('true')", "Line 2"),
        ("_private: str", "cannot be named _private"),
        ("model_config: str", "cannot be named model_config"),
        ("a b: str", "This is not a list of fields"),
        ("a: list[list[list[list[list[str]]]]]", "lists of lists only 4 deep"),
        ("a: " + "list[" * 90 + "str" + "]" * 90, "lists of lists only 4 deep"),
        ("\n".join(f"f{n}: str" for n in range(41)), "Write 1 to 40 fields"),
    ],
)
def test_what_is_no_list_of_fields_gives_a_sentence(text: str, sentence: str) -> None:
    with pytest.raises(FieldListError) as caught:
        class_of_fields(text)
    assert sentence in str(caught.value)


@pytest.mark.parametrize(
    ("finish_reason", "kind"), [("length", FailureKind.LENGTH), ("content_filter", FailureKind.CONTENT_FILTER)]
)
def test_a_class_that_is_cut_off_says_why(
    recorder: Recorder, model: Any, openai_server: FakeOpenAI, finish_reason: str, kind: FailureKind
) -> None:
    openai_server.structured = Plan(tokens=PIECES[:2], finish_reason=finish_reason)
    run = recorder.start(structured_chain(model, EXAMPLES["Review"], StructuredMethod.PYDANTIC), {"topic": "soup"})
    assert run.wait(30)
    assert run.status is Status.FAILED
    assert run.failure is not None
    assert run.failure.kind is kind

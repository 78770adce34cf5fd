from typing import Any

import httpx2
import pytest
from pydantic import ValidationError

from chains.structured import EXAMPLES, FieldListError, Method, bounded, class_of_fields, structured_chain
from tests.support.fake_openai import FakeOpenAI, Plan
from weir.config.settings import Settings
from weir.llm.chat_model import chat_model, configured_endpoint
from weir.runs.recorder import Recorder
from weir.runs.run import Status

PIECES = ['{"title": "So', 'up", "verdict": "go', 'od", "stars": 4, "rea', 'son": "Warm"}']


@pytest.fixture
def model(openai_server: FakeOpenAI, http: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("OPENAI_BASE_URL", openai_server.url)
    settings = Settings()
    return chat_model(configured_endpoint(settings), settings, http)


@pytest.mark.parametrize("method", [Method.TEXT, Method.DICT, Method.PARSER])
def test_each_way_streams_the_same_answer(
    recorder: Recorder, model: Any, openai_server: FakeOpenAI, method: Method
) -> None:
    openai_server.plan = Plan(tokens=PIECES, structured_tokens=PIECES)
    run = recorder.start(structured_chain(model, EXAMPLES["Review"], method), {"topic": "soup"})
    assert run.wait(10)
    assert run.status is Status.DONE
    chunks = [event.data["chunk"] for event in run.events if event.is_root and event.event.endswith("_stream")]
    chunks = [chunk for chunk in chunks if chunk]
    assert len(chunks) == 4
    whole = "".join(chunks) if method is Method.TEXT else chunks[-1]
    assert whole == (
        "".join(PIECES) if method is Method.TEXT else {"title": "Soup", "verdict": "good", "stars": 4, "reason": "Warm"}
    )
    asked = openai_server.seen[-1].body
    assert ("response_format" in asked) is (method is not Method.PARSER)


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

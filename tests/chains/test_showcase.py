from typing import Any

import httpx2
import pytest

from chains.showcase import showcase_chain
from chains.structured import structured_chain
from tests.support.fake_openai import FakeOpenAI, Plan
from weir.analysis.answer_reader import answer_text
from weir.analysis.run_tree import run_tree
from weir.config.settings import Settings
from weir.llm.chat_model import chat_model, configured_endpoint
from weir.runs.recorder import Recorder


@pytest.fixture
def model(openai_server: FakeOpenAI, http: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("OPENAI_BASE_URL", openai_server.url)
    settings = Settings()
    return chat_model(configured_endpoint(settings), settings, http)


def test_the_showcase_has_one_of_everything(recorder: Recorder, model: Any, openai_server: FakeOpenAI) -> None:
    openai_server.plan = Plan(tokens=["Rain", " falls"])
    run = recorder.start(showcase_chain(model), {"topic": " the sea. "})
    assert run.wait(30)
    root = run_tree(run.events)
    assert root is not None
    names = {node.name: node.type for node in root.walk()}
    assert {"showcase", "tidy", "branches", "haiku", "fact", "report"} <= set(names)
    assert names["count_words"] == "tool"
    custom_data = [event.data for event in run.events if event.event == "on_custom_event"]
    assert custom_data == [{"branch": "haiku", "words": 2}, {"branch": "fact", "words": 2}]
    assert answer_text(run.events) == "Rain falls\n\nRain falls"


def test_the_structured_chain_streams_a_growing_dict(recorder: Recorder, model: Any, openai_server: FakeOpenAI) -> None:
    openai_server.plan = Plan(structured_tokens=['{"name": "wa', 'ter", "ki', 'nd": "liquid"}'])
    run = recorder.start(structured_chain(model), {"topic": "water"})
    assert run.wait(30)
    chunks = [event.data["chunk"] for event in run.events if event.is_root and event.event == "on_chain_stream"]
    assert chunks == [{"name": "wa"}, {"name": "water"}, {"name": "water", "kind": "liquid"}]

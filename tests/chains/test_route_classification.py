import asyncio
import threading
from collections.abc import Sequence

import httpx2
import pytest

from chains.classifier.local_classifier import LocalClassifier, LocalDecision
from chains.route_classification import CLASSIFYING_THREADS, classifier, local_classifier
from tests.support.fake_openai import FakeOpenAI, Plan
from weir.analysis.metrics import output_of
from weir.config.settings import Settings
from weir.llm.chat_model import chat_model, configured_endpoint
from weir.runs.recorder import Recorder


async def test_a_follow_up_is_routed_by_its_context() -> None:
    inputs = {"question": "and in Python?", "history": [("human", "Reverse a string in Java"), ("ai", "…")]}
    found = await local_classifier(LocalClassifier()).ainvoke(inputs)
    assert found.category == "code"


def test_a_capable_model_is_asked_for_a_reason_and_told_the_earlier_questions(
    recorder: Recorder, openai_server: FakeOpenAI, http: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", openai_server.url)
    settings = Settings()
    openai_server.plan = Plan(structured='{"category": "code", "reason": "It goes on.", "confidence": 0.8}')
    model = chat_model(configured_endpoint(settings), settings, http)
    inputs = {"question": "and in Python?", "history": [("human", "Reverse a string in Java"), ("ai", "…")]}
    run = recorder.start(classifier(model, reasoned=True), inputs)
    assert run.wait(30)
    found = output_of(run.events, "classify")
    assert (found["category"], found["reason"], found["confidence"]) == ("code", "It goes on.", 0.8)
    body = openai_server.seen[0].body
    assert "Earlier question: Reverse a string in Java" in body["messages"][-1]["content"]
    schema = body["response_format"]["json_schema"]["schema"]
    assert schema["required"] == ["category", "reason", "confidence"]


async def test_the_local_classifier_decides_off_the_loop() -> None:
    threads: list[str] = []

    class Watched(LocalClassifier):
        def decide(self, question: str, history: Sequence[tuple[str, str]] = ()) -> LocalDecision:
            threads.append(threading.current_thread().name)
            return super().decide(question, history)

    inputs = {"question": "What is 25 * 17?", "history": []}
    found = await asyncio.gather(*(local_classifier(Watched()).ainvoke(inputs) for _ in range(20)))
    assert [one.category for one in found] == ["math"] * 20
    assert {name.rpartition("_")[0] for name in threads} == {"classify"}
    assert len(set(threads)) <= CLASSIFYING_THREADS

"""Reasoning of OpenAI-compatible servers: kept in messages, recorded, and measured."""

import re

import httpx2
import pytest

from chains.story_chain import story_chain
from tests.llm.test_chat_model import STORY, settings_for
from tests.support.fake_openai import FakeOpenAI, Plan
from weir.analysis.answer_reader import answer_text
from weir.analysis.metrics import MetricsAccumulator, run_metrics
from weir.analysis.metrics_line import metrics_line
from weir.analysis.progress import RunPhase, run_phase
from weir.analysis.run_tree import run_tree
from weir.llm.abortable_client import AbortableConnections
from weir.llm.chat_model import chat_model, configured_endpoint
from weir.runs.methods import Method
from weir.runs.recorder import Recorder
from weir.runs.run import Status

THOUGHTS = ["The user ", "wants ", "a story."]


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning"])
@pytest.mark.parametrize("method", [Method.ASTREAM, Method.INVOKE])
def test_reasoning_is_recorded_beside_the_answer(
    recorder: Recorder, http: httpx2.AsyncClient, openai_server: FakeOpenAI, name: str, method: Method
) -> None:
    openai_server.plan = Plan(reasoning=THOUGHTS, reasoning_name=name)
    settings = settings_for(openai_server.url)
    connections = None if method.is_async else AbortableConnections()
    chain = story_chain(chat_model(configured_endpoint(settings), settings, http, connections=connections))
    run = recorder.start(chain, STORY, method=method, connections=connections)
    assert run.wait(30)
    assert run.status is Status.DONE, run.failure
    assert answer_text(run.events) == "Once upon a time."
    [end] = [event for event in run.events if event.event == "on_chat_model_end"]
    assert end.data["output"]["additional_kwargs"]["reasoning_content"] == "".join(THOUGHTS)
    metrics = run_metrics(run.events)
    assert (metrics.reasoning_tokens, metrics.written_tokens) == (len(THOUGHTS), 5)
    meter = MetricsAccumulator()
    for event in run.events:
        meter.add(event)
    assert meter.reasoning == "".join(THOUGHTS)
    if method.streams:
        root = run_tree(run.events)
        assert root is not None
        assert [node.reasoning_texts for node in root.walk() if node.is_model] == [THOUGHTS]
        assert metrics.time_to_first_reasoning is not None
        assert metrics.time_to_first_token is not None
        assert metrics.time_to_first_reasoning <= metrics.time_to_first_token
        assert metrics.waiting_seconds == metrics.time_to_first_reasoning
        line = metrics_line(metrics)
        assert re.search(r"waited [0-9.]+ s · thought [0-9.]+ s \(3 tokens\) · wrote [0-9.]+ s \(5 tokens\)", line)


def test_thinking_is_a_phase_between_waiting_and_writing(
    recorder: Recorder, http: httpx2.AsyncClient, openai_server: FakeOpenAI
) -> None:
    openai_server.plan = Plan(reasoning=THOUGHTS)
    settings = settings_for(openai_server.url)
    run = recorder.start(story_chain(chat_model(configured_endpoint(settings), settings, http)), STORY)
    assert run.wait(30)
    phases, phase = [], RunPhase.WAITING
    for event in run.events:
        phase = run_phase([event], phase, None)
        phases.append(phase)
    order = [RunPhase.WAITING, RunPhase.READING, RunPhase.THINKING, RunPhase.WRITING]
    assert list(dict.fromkeys(phases)) == order


def test_reasoning_that_is_not_text_is_ignored(
    recorder: Recorder, http: httpx2.AsyncClient, openai_server: FakeOpenAI
) -> None:
    openai_server.plan = Plan(reasoning=[{"effort": "high"}])  # type: ignore[list-item]
    settings = settings_for(openai_server.url)
    run = recorder.start(story_chain(chat_model(configured_endpoint(settings), settings, http)), STORY)
    assert run.wait(30)
    assert (run.status, answer_text(run.events)) == (Status.DONE, "Once upon a time.")

"""ChatOpenAI, recorded, against a real server that answers, fails, stalls and lies."""

import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import httpx2
import pytest
from langchain_openai import ChatOpenAI

from chains.smart_router import smart_router
from chains.story_chain import Length, story_chain
from tests.support.fake_openai import FakeOpenAI, Fault, Plan
from weir.access import run_log
from weir.analysis.answer_reader import answer_text
from weir.analysis.metrics import custom_event, run_metrics
from weir.analysis.outcome import AnswerStatus, outcome
from weir.config.settings import Settings
from weir.llm.chat_model import AnswerKind, Endpoint, ModelOptions, chat_model, configured_endpoint, embedded_endpoint
from weir.runs.background_loop import BackgroundLoop
from weir.runs.recorder import Recorder
from weir.runs.run import Run, Status

WORDS = [f" word{number}" for number in range(20)]
STORY = {"topic": "water", "words": 100, "tone": "calm"}


def settings_for(url: str, timeout: float = 5.0) -> Settings:
    return Settings.model_validate(
        {"OPENAI_BASE_URL": url, "OPENAI_API_KEY": "sk-test", "WEIR_TIMEOUT": timeout, "WEIR_RETRIES": 1}
    )


class Teller:
    """Starts stories and routed answers against a server."""

    def __init__(self, recorder: Recorder, http: httpx2.AsyncClient) -> None:
        self._recorder = recorder
        self._http = http

    def _model(self, url: str, timeout: float) -> ChatOpenAI:
        chosen = settings_for(url, timeout)
        return chat_model(configured_endpoint(chosen), chosen, self._http, max_tokens=Length.SHORT.max_tokens)

    def start(self, url: str, timeout: float = 30.0) -> Run:
        return self._recorder.start(story_chain(self._model(url, timeout)), STORY)

    def tell(self, url: str, timeout: float = 5.0) -> Run:
        run = self.start(url, timeout)
        assert run.wait(30)
        return run

    def answer(self, url: str) -> Run:
        run = self._recorder.start(smart_router(self._model(url, 5.0)), {"question": "?", "history": []})
        assert run.wait(30)
        return run


@pytest.fixture
def teller(recorder: Recorder, http: httpx2.AsyncClient) -> Teller:
    return Teller(recorder, http)


def test_a_story_streams_with_its_figures(teller: Teller, openai_server: FakeOpenAI) -> None:
    openai_server.plan = Plan(tokens=WORDS)
    run = teller.tell(openai_server.url)
    seen = run_metrics(run.events)
    assert answer_text(run.events) == "".join(WORDS)
    assert (run.status, seen.finish_reason, seen.tokens_out, seen.exact) == (Status.DONE, "stop", 20, True)
    assert outcome(run, seen).status is AnswerStatus.DONE
    (request,) = openai_server.seen
    assert request.authorization == "Bearer sk-test"
    assert request.body["stream_options"] == {"include_usage": True}
    assert request.body["max_completion_tokens"] == Length.SHORT.max_tokens


@pytest.mark.parametrize("reason", [["stop"], {"type": "stop"}])
def test_a_finish_reason_that_is_no_text_is_an_end_like_another(
    teller: Teller, openai_server: FakeOpenAI, caplog: pytest.LogCaptureFixture, reason: Any
) -> None:
    openai_server.plan = Plan(tokens=WORDS, finish_reason=reason)
    run = teller.tell(openai_server.url)
    assert outcome(run, run_metrics(run.events)).status is AnswerStatus.DONE
    with caplog.at_level(logging.INFO, logger="weir.access.run_log"):
        run_log.log_run(run)
    logged = [line.message for line in caplog.records if line.name == run_log.__name__]
    assert logged == ["run started", "run ended"]


@pytest.mark.parametrize("category", ["math", "code", "general"])
def test_the_router_classifies_with_structured_output(teller: Teller, openai_server: FakeOpenAI, category: str) -> None:
    openai_server.plan = Plan(tokens=WORDS, category=category)
    run = teller.answer(openai_server.url)
    assert custom_event(run.events, "route")["route"] == category
    assert answer_text(run.events) == "".join(WORDS)
    schema = openai_server.seen[0].body["response_format"]["json_schema"]["schema"]
    assert schema["properties"]["category"]["enum"] == ["math", "code", "general"]


@pytest.mark.parametrize("structured", ["not JSON at all", "{}", '{"category": "cooking"}', ""])
def test_a_server_that_classifies_badly_is_survived(teller: Teller, openai_server: FakeOpenAI, structured: str) -> None:
    openai_server.plan = Plan(tokens=WORDS, structured=structured)
    run = teller.answer(openai_server.url)
    assert custom_event(run.events, "route")["fallback"]
    assert answer_text(run.events) == "".join(WORDS)
    assert outcome(run, run_metrics(run.events)).status is AnswerStatus.DONE


def test_a_long_classification_holds_nobody_up(teller: Teller, openai_server: FakeOpenAI) -> None:
    openai_server.plan = Plan(tokens=WORDS, structured="no JSON at all " * 10_000)
    run = teller.answer(openai_server.url)
    assert custom_event(run.events, "route")["fallback"]


@pytest.mark.parametrize("stalled", [False, True])
def test_stop_hangs_up_on_the_model(teller: Teller, openai_server: FakeOpenAI, stalled: bool) -> None:
    fault = Fault.STALL if stalled else None
    openai_server.plan = Plan(tokens=WORDS * 100, rate=100, fault=fault, at=5)
    run = teller.start(openai_server.url)
    words_arrived = threading.Event()
    for _ in run.follow():
        if answer_text(run.events).count("word") >= 5:
            words_arrived.set()
            run.stop()
    assert words_arrived.is_set()
    (request,) = openai_server.seen
    assert request.ended.wait(30)
    assert request.hung_up_at is not None
    assert run.status is Status.STOPPED
    assert outcome(run, run_metrics(run.events)).status is AnswerStatus.STOPPED


def test_runs_one_after_another_share_the_loop_and_the_client(teller: Teller, openai_server: FakeOpenAI) -> None:
    assert [teller.tell(openai_server.url).status for _ in range(4)] == [Status.DONE] * 4


def test_a_closed_loop_leaves_no_run_behind(teller: Teller, openai_server: FakeOpenAI, loop: BackgroundLoop) -> None:
    openai_server.plan = Plan(tokens=WORDS, fault=Fault.STALL, at=3)
    run = teller.start(openai_server.url)
    for _ in run.follow():
        if "word" in answer_text(run.events):
            break
    loop.close()
    assert not run.is_live
    assert openai_server.seen[0].ended.wait(30)


def test_endpoints_are_named_for_people() -> None:
    def named(url: str) -> str:
        return configured_endpoint(settings_for(url)).host

    assert named("http://localhost:11434/v1") == "localhost:11434"
    assert named("https://models.example.org/v1") == "models.example.org"
    assert configured_endpoint(Settings.model_validate({"OPENAI_API_KEY": "sk-test"})).host == "OpenAI"


def test_the_embedded_model_is_bounded(http: httpx2.AsyncClient) -> None:
    endpoint: Endpoint = embedded_endpoint("http://127.0.0.1:1/", "key", "tiny")
    model = chat_model(endpoint, settings_for("http://127.0.0.1:9/v1"), http)
    assert str(endpoint.base_url) == "http://127.0.0.1:1/v1"
    assert model.max_tokens == 700


SAMPLING = {"temperature", "seed", "logit_bias", "repeat_penalty", "min_p", "dry_multiplier", "dry_penalty_last_n"}
"""Fields of a request by which a server samples otherwise than by its own defaults."""


Sampling = Callable[[Endpoint, ModelOptions], dict[str, Any]]


@pytest.fixture
def sampling(recorder: Recorder, openai_server: FakeOpenAI, http: httpx2.AsyncClient) -> Sampling:
    """Ask an endpoint, and return the sampling in the request."""

    def ask(endpoint: Endpoint, options: ModelOptions) -> dict[str, Any]:
        model = chat_model(endpoint, settings_for(openai_server.url), http, options=options)
        assert recorder.start(model, "Hello").wait(30)
        body: dict[str, Any] = openai_server.seen[-1].body
        return {name: body[name] for name in SAMPLING & set(body)}

    return ask


@pytest.fixture
def packaged(openai_server: FakeOpenAI) -> Endpoint:
    return embedded_endpoint(openai_server.url.removesuffix("/v1"), "key", "tiny", is_packaged=True)


def test_the_packaged_model_is_greedy_and_does_not_repeat_itself(packaged: Endpoint, sampling: Sampling) -> None:
    text = sampling(packaged, ModelOptions())
    assert (text["temperature"], text["dry_multiplier"], text.get("logit_bias")) == (0.0, 0.8, None)
    story = sampling(packaged, ModelOptions(kind=AnswerKind.STORY))
    assert (story["temperature"], story["repeat_penalty"], story["logit_bias"]) == (0.0, 1.1, [[2, 6.5]])
    assert sampling(packaged, ModelOptions(kind=AnswerKind.JSON)) == {"temperature": 0.0, "repeat_penalty": 1.0}


def test_a_person_s_temperature_holds_for_the_packaged_model(packaged: Endpoint, sampling: Sampling) -> None:
    chosen = sampling(packaged, ModelOptions(temperature=0.7, seed=3))
    assert (chosen["temperature"], chosen["seed"]) == (0.7, 3)


@pytest.mark.parametrize("kind", list(AnswerKind))
def test_other_models_keep_the_defaults_of_their_servers(
    packaged: Endpoint, sampling: Sampling, kind: AnswerKind
) -> None:
    own = replace(packaged, is_packaged=False)
    assert sampling(own, ModelOptions(kind=kind)) == {}
    configured = configured_endpoint(settings_for(str(packaged.base_url)))
    assert sampling(configured, ModelOptions(kind=kind)) == {}


def test_only_prose_of_the_packaged_model_is_bounded_closely(packaged: Endpoint, http: httpx2.AsyncClient) -> None:
    bounds = {
        kind: chat_model(
            packaged, settings_for("http://127.0.0.1:9/v1"), http, options=ModelOptions(600, kind=kind)
        ).max_tokens
        for kind in AnswerKind
    }
    assert bounds == {AnswerKind.TEXT: 300, AnswerKind.STORY: 300, AnswerKind.JSON: 600}

"""Measurements against a model server on loopback: what is counted, what is an error, and that nothing hangs."""

from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.runnables import Runnable

from tests.support.fake_openai import FakeOpenAI, Fault, Plan
from weir.config.settings import Settings
from weir.core.redaction import Redactor
from weir.llm.provider import ModelProvider
from weir.measure.measurement import LATE, Measurement, StartRefusedError
from weir.measure.measurement_comparison import notes
from weir.measure.measurement_plan import MeasurementPlan
from weir.runs.background_loop import BackgroundLoop
from weir.runs.recorder import Recorder
from weir.runs.run import Run

TIMEOUT_SECONDS = 60
Make = Callable[..., Measurement]


@pytest.fixture
def make(openai_server: FakeOpenAI, recorder: Recorder, loop: BackgroundLoop, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Make a measurement of the server's model, three answers of ten tokens at once, unless it has a plan."""
    for name, value in {
        "OPENAI_BASE_URL": openai_server.url,
        "OPENAI_API_KEY": "sk-canary-0123456789",
        "OPENAI_MODEL": "fake",
        "WEIR_PRICE_IN": "1",
        "WEIR_PRICE_OUT": "10",
    }.items():
        monkeypatch.setenv(name, value)
    made_for: list[ModelProvider] = []

    def start(model: Runnable[Any, Any], prompt: str) -> Run:
        return recorder.start(model, prompt)

    def made(plan: MeasurementPlan | None = None, start: Any = start, timeout: str = "60", **more: Any) -> Measurement:
        monkeypatch.setenv("WEIR_TIMEOUT", timeout)
        models = ModelProvider(Settings())
        made_for.append(models)
        plan = plan or MeasurementPlan(("fake",), (3,), 10, 3)
        redact = Redactor(models.secrets).redact
        return Measurement(plan, {"fake": models}, start, redact=redact, **more)

    yield made
    for models in made_for:
        loop.submit(models.aclose()).result(TIMEOUT_SECONDS)


def test_each_level_has_its_own_figures(make: Make, openai_server: FakeOpenAI, loop: BackgroundLoop) -> None:
    openai_server.plan = Plan(tokens=["w"] * 10, finish_reason="length", rate=200)
    measurement = make(MeasurementPlan(("fake",), (1, 4), 10, 2))
    measured = loop.submit(measurement.run()).result(TIMEOUT_SECONDS)
    assert [(level.concurrency, level.requests, level.answered) for level in measured.levels] == [(1, 2, 2), (4, 4, 4)]
    assert len(openai_server.seen) == measurement.plan.requests_in_all == measurement.ended == 7
    assert {seen.body["max_completion_tokens"] for seen in openai_server.seen[1:]} == {10}
    prompts = [seen.body["messages"][0]["content"] for seen in openai_server.seen]
    assert len({prompt[:20] for prompt in prompts}) == 7
    first, second = measured.levels
    assert first.first_token is not None
    assert first.gap is not None
    assert first.tokens_per_second is not None
    assert first.total_tokens_per_second is not None
    assert first.first_token.median <= first.first_token.p95
    assert (second.tokens_out, second.is_exact, second.errors) == (40, True, ())
    assert second.cost == pytest.approx((second.tokens_in + 10 * 40) / 1e6)
    assert not measured.failed
    assert (measurement.fraction, measurement.is_live) == (1.0, False)


@pytest.mark.parametrize(
    ("plan", "reason"),
    [
        (Plan(fault=Fault.STALL, at=2), "The model went silent and Weir stopped waiting for it."),
        (Plan(fault=Fault.CUT, at=2), "The connection to the model broke before the answer was complete."),
        (Plan(fault=Fault.SSE_ERROR, at=2), "The model's server reported an error in the middle of the answer."),
        (Plan(status=429), "The model's server reports too many requests, or that the quota is used up."),
        (Plan(tokens=[]), "The model ended without writing anything."),
        (Plan(refusal="I will not"), "The model declined to answer."),
        (Plan(fault=Fault.NO_FINISH), "The stream ended without a finish reason: the answer is probably cut off."),
    ],
)
def test_what_is_no_answer_is_counted_with_its_reason(
    make: Make, openai_server: FakeOpenAI, loop: BackgroundLoop, plan: Plan, reason: str
) -> None:
    measurement = make(timeout="3" if plan.fault is Fault.STALL else "60")
    asked = 0

    def start(model: Runnable[Any, Any], prompt: str, begin: Any = measurement._start) -> Run:
        nonlocal asked
        openai_server.plan = plan if asked else Plan()
        asked += 1
        run: Run = begin(model, prompt)
        return run

    measurement._start = start
    measured = loop.submit(measurement.run()).result(TIMEOUT_SECONDS)
    (level,) = measured.levels
    assert (level.requests, level.answered, level.first_token, level.total_tokens_per_second) == (3, 0, None, None)
    assert [(error.reason, error.count) for error in level.errors] == [(reason, 3)]
    assert any(reason in note for note in notes(measured))
    # What is retried for a person is not here: a retry would hide an error, and count as waiting.
    assert len(openai_server.seen) == 4


def test_a_model_that_cannot_be_asked_is_asked_once(
    make: Make, openai_server: FakeOpenAI, loop: BackgroundLoop
) -> None:
    openai_server.plan = Plan(status=401, message="the key sk-canary-0123456789 is wrong")
    measured = loop.submit(make().run()).result(TIMEOUT_SECONDS)
    assert len(openai_server.seen) == 1
    assert measured.levels == ()
    assert "did not accept the API key" in measured.models[0].problem
    assert "sk-canary" not in measured.to_json()


def test_an_answer_that_never_ends_is_ended(make: Make, openai_server: FakeOpenAI, loop: BackgroundLoop) -> None:
    openai_server.plan = Plan(tokens=["w"] * 1_000, rate=500)
    measured = loop.submit(make().run()).result(TIMEOUT_SECONDS)
    assert measured.levels[0].answered == 3
    assert measured.levels[0].tokens_out < 3 * 100
    openai_server.plan = Plan(tokens=["w"] * 1_000, rate=4)
    measured = loop.submit(make(request_seconds=0.9).run()).result(TIMEOUT_SECONDS)
    assert measured.levels == ()
    assert LATE in measured.models[0].problem


def test_stop_ends_it_at_once_and_keeps_what_was_measured(
    make: Make, openai_server: FakeOpenAI, loop: BackgroundLoop
) -> None:
    openai_server.plan = Plan(tokens=["w"] * 5)
    measurement = make(MeasurementPlan(("fake",), (1, 2), 10, 2))
    begin = measurement._start

    def start(model: Runnable[Any, Any], prompt: str) -> Run:
        if len(openai_server.seen) == 3:
            openai_server.plan = Plan(fault=Fault.STALL, at=1)
        run = begin(model, prompt)
        if len(openai_server.seen) >= 3:
            measurement.stop()
        return run

    measurement._start = start
    measured = loop.submit(measurement.run()).result(TIMEOUT_SECONDS)
    assert [(level.concurrency, level.answered) for level in measured.levels] == [(1, 2)]
    assert measured.stopped
    assert not measured.failed


def test_a_limit_ends_it_with_its_sentence(make: Make, loop: BackgroundLoop) -> None:
    def refuse(model: Runnable[Any, Any], prompt: str) -> Run:
        raise StartRefusedError("Too many runs.")

    measured = loop.submit(make(start=refuse).run()).result(TIMEOUT_SECONDS)
    assert (measured.levels, measured.models[0].problem, measured.stopped) == ((), "Too many runs.", True)

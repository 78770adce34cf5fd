"""Conversations: which model answers on which route, who classifies, and a router file that does not fit the routes."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from chains import conversation
from chains.classifier.examples import Example
from chains.classifier.own_training import train
from chains.classifier.trained_router_file import write_router
from tests.support.fake_openai import FakeOpenAI, Plan, fake_openai
from weir.analysis.metrics import custom_event, run_metrics
from weir.config.settings import Settings, SettingsError, settings
from weir.core.run_event import RunEvent
from weir.llm.attachments import Attachment
from weir.llm.chain_registry import UnsuitableModelError
from weir.llm.provider import ModelProvider
from weir.runs.background_loop import BackgroundLoop
from weir.runs.recorder import Recorder
from weir.runs.run import Run

FILE = """
[models.small]
base_url = "{small}"
[models.large]
base_url = "{large}"
[router]
model = "small"
threshold = 0.5
[routes.billing]
description = "invoices and {{refunds}}"
model = "large"
[routes.other]
description = "anything else"
"""


@pytest.fixture
def large() -> Iterator[FakeOpenAI]:
    with fake_openai() as server:
        yield server


@pytest.fixture
def models(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, loop: BackgroundLoop, openai_server: FakeOpenAI, large: FakeOpenAI
) -> Iterator[ModelProvider]:
    for variable in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_MODEL", "WEIR_CONFIG"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.chdir(tmp_path)
    Path("weir.toml").write_text(FILE.format(small=openai_server.url, large=large.url), encoding="utf-8")
    providers = ModelProvider(Settings())
    yield providers
    loop.submit(providers.aclose()).result(timeout=60)
    settings.cache_clear()


def answered(recorder: Recorder, models: ModelProvider, route: str | None = None) -> Run:
    prepared = conversation.prepare_conversation(models, "Where is my money?", [], route=route)
    run = recorder.start(prepared.runnable, prepared.inputs)
    assert run.wait(30)
    return run


def asked_models(events: list[RunEvent]) -> list[str]:
    return [e.component.metadata["weir_model"] for e in events if e.event == "on_chat_model_start"]


def test_each_route_asks_its_model_and_a_model_that_is_picked_answers_on_all(
    recorder: Recorder, models: ModelProvider, openai_server: FakeOpenAI
) -> None:
    openai_server.plan = Plan(structured='{"category": "billing", "reason": "Money.", "confidence": 0.9}')
    run = answered(recorder, models)
    assert asked_models(list(run.events)) == ["small", "large"]
    assert run_metrics(run.events).model == "large"
    prompt = openai_server.seen[0].body["messages"][0]["content"]
    assert "billing: invoices and {refunds}\nother: anything else" in prompt
    schema = openai_server.seen[0].body["response_format"]["json_schema"]["schema"]
    assert schema["properties"]["category"]["enum"] == ["billing", "other"]
    assert asked_models(list(answered(recorder, models.select("small")).events)) == ["small", "small"]
    assert asked_models(list(answered(recorder, models, route="billing").events)) == ["large"]


@pytest.mark.parametrize(
    ("structured", "abstained", "fallback"),
    [
        ('{"category": "billing", "reason": "Perhaps.", "confidence": 0.4}', True, False),
        ('{"category": "math", "reason": "No.", "confidence": 0.9}', False, True),
    ],
)
def test_an_uncertain_classification_and_an_unknown_category_take_the_fallback(
    recorder: Recorder,
    models: ModelProvider,
    openai_server: FakeOpenAI,
    structured: str,
    abstained: bool,
    fallback: bool,
) -> None:
    openai_server.plan = Plan(structured=structured)
    run = answered(recorder, models)
    decision = custom_event(run.events, "route")
    assert (decision["route"], decision["abstained"], decision["fallback"]) == ("other", abstained, fallback)
    assert asked_models(list(run.events)) == ["small", "small"]


def test_the_files_of_a_question_go_to_models_that_take_them_and_hold_them(
    models: ModelProvider, loop: BackgroundLoop
) -> None:
    text = Path("weir.toml").read_text(encoding="utf-8")
    changed = text.replace("[models.large]", "[models.large]\nimages = false\nwindow = 600")
    changed += "[models.tiny]\nembedded = true\n"
    Path("weir.toml").write_text(changed, encoding="utf-8")
    settings.cache_clear()
    providers = ModelProvider(Settings())
    cat = Attachment("cat.png", "image/png", 9, lambda: b"PNG")
    notes = Attachment("notes.txt", "text/plain", 4_000, lambda: b"word " * 800)
    refused = {cat: "^large takes no images", notes: "about 1,0.. tokens, and the model gets at most 600"}
    for one, sentence in refused.items():
        conversation.check_attachments(providers, "?", [one], route="other")
        for route in ("billing", None):  # before the route is known, either model may answer
            with pytest.raises(UnsuitableModelError, match=sentence):
                conversation.check_attachments(providers, "?", [one], route=route)
    with pytest.raises(UnsuitableModelError, match="The embedded model takes no images"):
        conversation.check_attachments(providers.select("tiny"), "?", [cat])
    history = [("human", "Look"), ("ai", "Yes."), ("human", "Hm"), ("ai", "Well.")]
    prepared = conversation.prepare_conversation(providers, "?", history, route="billing", attachments={0: [notes]})
    assert prepared.context["left_out"] == 2
    loop.submit(providers.aclose()).result(timeout=60)


def test_a_router_file_that_does_not_fit_the_routes_stops_the_start(models: ModelProvider) -> None:
    examples = [
        Example(f"{word} {number}", name, "en")
        for name, word in (("billing", "pay"), ("repair", "fix"))
        for number in range(10)
    ]
    write_router(train(examples).model, Path("own.npz"))
    text = (
        Path("weir.toml")
        .read_text(encoding="utf-8")
        .replace('model = "small"\nthreshold', 'file = "own.npz"\nthreshold')
    )
    repair, last = (
        '[routes.repair]\ndescription = "r"\n',
        '[routes.last]\ndescription = "the fallback: no example has it"\n',
    )
    for more, sentence in (
        ("", "has the category repair, and weir.toml has no route of that name"),
        (repair + last, "does not know the route other: add examples of it, and train it again"),
    ):
        Path("weir.toml").write_text(text + more, encoding="utf-8")
        settings.cache_clear()
        with pytest.raises(SettingsError, match=sentence):
            conversation.check_router()

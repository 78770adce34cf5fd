"""The pages' logic without a browser, against a model server on loopback."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from chains.settings import settings
from pages.components import service as service_module
from streaming.failure import FailureKind
from tests.fake_openai import FakeOpenAI, Fault, Plan

ROOT = Path(__file__).parents[2]


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, openai_server: FakeOpenAI) -> Iterator[AppTest]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_BASE_URL", openai_server.url)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-canary")
    monkeypatch.setenv("OPENAI_MODEL", "fake")
    monkeypatch.setenv("WEIR_TIMEOUT", "1")
    monkeypatch.setenv("WEIR_RETRIES", "0")
    settings.cache_clear()
    yield AppTest.from_file(ROOT / "pages" / "navigation.py", default_timeout=30).run()
    service_module.service().close()
    service_module._build.cache_clear()
    settings.cache_clear()


def said(app: AppTest) -> str:
    return "\n".join(str(element.value) for element in (*app.markdown, *app.caption, *app.warning))


def button(app: AppTest, label: str) -> None:
    next(found for found in app.button if found.label == label).click().run()


def ask(app: AppTest, question: str) -> None:
    app.chat_input[0].set_value(question).run()
    assert not app.exception


def test_an_empty_chat_teaches_with_one_sentence_and_three_suggestions(app: AppTest) -> None:
    assert "Ask anything." in said(app)
    assert [found.label for found in app.button if found.label != "Stop"] == [
        "What is 25 × 17?",
        "Write a Python function that reverses a string",
        "What is the capital of France?",
    ]


def test_a_question_and_its_answer_stand_in_the_chat_with_route_and_figures(
    app: AppTest, openai_server: FakeOpenAI
) -> None:
    openai_server.plan = Plan(category="math")
    ask(app, "What is 25 * 17?")
    question, answer = app.chat_message
    assert question.text[0].value == "What is 25 * 17?"
    assert "Once upon a time." in [element.value for element in answer.markdown]
    assert ":violet-badge[:material/calculate: Math]" in [element.value for element in answer.markdown]
    assert "first token" in answer.caption[0].value
    assert " out · " in answer.caption[0].value


def test_the_link_in_the_address_is_the_run_s(app: AppTest) -> None:
    ask(app, "Hello")
    run_id = app.query_params["run"]
    assert service_module.service().recorder.store.get(str(run_id)).input["question"] == "Hello"


def test_a_blank_question_is_no_question(app: AppTest) -> None:
    ask(app, "   \n ")
    assert len(app.chat_message) == 0


@pytest.mark.parametrize("fault", [Fault.CUT, Fault.SSE_ERROR, Fault.BAD_DATA])
def test_a_failed_answer_is_kept_on_the_page_and_never_told_to_the_model(
    app: AppTest, openai_server: FakeOpenAI, fault: Fault
) -> None:
    openai_server.plan = Plan(tokens=["Half an answer"] * 3, fault=fault, at=1)
    ask(app, "First")
    assert "Half an answer" in said(app)
    openai_server.plan = Plan()
    ask(app, "Second")
    told = [message["content"] for message in openai_server.answers[-1].body["messages"]]
    assert told[1:] == ["Second"]


def test_retry_replaces_a_failure(app: AppTest, openai_server: FakeOpenAI) -> None:
    openai_server.plan = Plan(status=500)
    ask(app, "Hello")
    assert FailureKind.SERVER.sentence in said(app)
    openai_server.plan = Plan()
    button(app, "Retry")
    assert FailureKind.SERVER.sentence not in said(app)
    assert "Once upon a time." in said(app)


def test_a_key_that_the_server_echoes_is_not_shown(app: AppTest, openai_server: FakeOpenAI) -> None:
    openai_server.plan = Plan(status=401, message="Incorrect API key provided: sk-canary")
    ask(app, "Hello")
    shown = said(app) + "".join(element.value for element in app.code)
    assert FailureKind.AUTHENTICATION.sentence in shown
    assert "Incorrect API key" in shown
    assert "sk-canary" not in shown


def test_clear_and_undo(app: AppTest) -> None:
    ask(app, "Hello")
    button(app, "Clear")
    assert len(app.chat_message) == 0
    button(app, "Undo")
    assert app.chat_message[0].text[0].value == "Hello"


def test_a_story_says_its_length_and_what_it_took(app: AppTest, openai_server: FakeOpenAI) -> None:
    app.switch_page("story.py").run()
    app.chat_input[0].set_value("a weir").run()
    assert not app.exception
    assert "Once upon a time." in said(app)
    system, human = openai_server.seen[0].body["messages"]
    assert "about 300 words, in a warm tone" in system["content"]
    assert human["content"] == "Write a story about a weir"


def test_a_story_that_hits_the_limit_says_so(app: AppTest, openai_server: FakeOpenAI) -> None:
    openai_server.plan = Plan(finish_reason="length")
    app.switch_page("story.py").run()
    app.chat_input[0].set_value("a weir").run()
    assert FailureKind.LENGTH.sentence in said(app)


def test_a_link_of_another_page_is_told(app: AppTest) -> None:
    ask(app, "Hello")
    run_id = app.query_params["run"]
    other = AppTest.from_file(ROOT / "pages" / "navigation.py", default_timeout=30).run()
    other.query_params["run"] = run_id
    other.switch_page("story.py").run()
    assert "another page" in said(other)

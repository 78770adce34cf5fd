"""What a model can do on the pages: shown by the model line, tried on request or before a run that needs it."""

import re

import pytest
from streamlit.testing.v1 import AppTest

from pages.components.session import app_services
from tests.support.app_test import ask, open_app, press, sentences
from tests.support.fake_openai import FakeOpenAI, Plan
from weir.access.limits import RunLimitConfig
from weir.config.capabilities import Capabilities, read_capabilities

UNKNOWN = "Whether it calls tools is not known."


def test_a_model_is_tried_when_somebody_asks_for_it_and_says_why_it_cannot_be(
    app: AppTest, openai_server: FakeOpenAI
) -> None:
    assert UNKNOWN in sentences(app)
    assert "Sends 2 short requests; each answer has at most 400 tokens." in sentences(app)
    openai_server.able, openai_server.plan = None, Plan(status=401)
    press(app, "Try")
    await_end(app)
    assert "It could not be tried. The model's server did not accept the API key." in sentences(app)
    assert "sk-canary" not in sentences(app)
    openai_server.able, openai_server.plan = frozenset({"tools"}), Plan()
    press(app, "Try")
    await_end(app)
    text = sentences(app)
    assert "It calls tools." in text
    assert "It does not keep to a JSON Schema." in text
    assert [button.label for button in app.button if button.label.startswith("Try")] == ["Try again"]
    (kept,) = read_capabilities(app_services.service().settings.data_folder).values()
    assert kept == Capabilities(tools=True, json_schema=False, reasoning=False)
    assert not openai_server.seen[2:]
    assert "It calls tools." in sentences(open_app("events.py")), "every visitor and page has it"


def await_end(app: AppTest) -> None:
    for run in app_services.service().archive.runs():
        assert run.wait(30)
    app.run()


def test_structured_output_is_tried_once_and_asks_in_words_a_model_that_keeps_to_no_schema(
    app: AppTest, openai_server: FakeOpenAI
) -> None:
    openai_server.able, openai_server.plan = frozenset(), Plan(tokens=['{"name"', ': "Sea"}'])
    app.switch_page("partial_json.py").run()
    assert "gets the schema in words" not in sentences(app)
    ask(app, "rain")
    assert "**fake** does not keep to a JSON Schema, so it gets the schema in words" in sentences(app)
    ask(app, "snow")
    assert len(openai_server.trials) == 1
    assert [seen.is_structured for seen in openai_server.seen] == [False, False]
    assert "Describe snow" in openai_server.seen[-1].body["messages"][-1]["content"]
    assert app.query_params["run"]


def test_the_agent_is_refused_with_a_reason_and_keeps_its_question(app: AppTest, openai_server: FakeOpenAI) -> None:
    openai_server.able = frozenset()
    app.switch_page("events.py").run()
    app.selectbox(key="chain").select("agent").run()
    refusal = "fake cannot call tools. Pick another model for this chain."
    assert not app.info, "it is not known yet"
    ask(app, "How many letters?")
    assert [error.value for error in app.error] == [refusal]
    assert app.chat_input[0].value == "How many letters?"
    app.run()
    assert [note.value for note in app.info] == [refusal], "before one asks"
    openai_server.able = frozenset({"tools"})
    press(app, "Try")
    await_end(app)
    ask(app, "How many letters?")
    assert re.search(r"agent.*Done", sentences(app))
    assert len(openai_server.trials) == 3


@pytest.mark.parametrize("page", ["partial_json.py", "events.py"])
def test_a_trial_that_the_limits_refuse_sends_nothing_and_keeps_the_input(
    app: AppTest, openai_server: FakeOpenAI, page: str
) -> None:
    app_services.service().limits.config = RunLimitConfig(starts_per_minute=0)
    app.switch_page(page).run()
    if page == "events.py":
        app.selectbox(key="chain").select("agent").run()
    ask(app, "rain")
    assert app.chat_input[0].value == "rain"
    assert [note.value for note in app.info]
    assert not openai_server.trials + openai_server.seen


def test_a_trial_that_fails_is_no_reason_against_the_run(app: AppTest, openai_server: FakeOpenAI) -> None:
    openai_server.able, openai_server.plan = None, Plan(status=503)
    app.switch_page("partial_json.py").run()
    ask(app, "rain")
    ask(app, "snow")
    assert [seen.body["messages"][-1]["content"][:12] for seen in openai_server.seen] == [
        "The water is",
        "Describe rai",
        "Describe sno",
    ]

"""A model call of a run, run again with changes, without a browser."""

from typing import Any

import pytest
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from streamlit.testing.v1 import AppTest

from pages.components.session import app_services as service_module
from tests.support.app_test import press, sentences
from tests.support.fake_openai import FakeOpenAI, Plan
from weir.access.limits import LimitKind, LimitReachedError
from weir.llm.chain_registry import ModelNotReadyError
from weir.runs.run import Run

CALL = {"name": "measure", "args": {"what": "rain"}, "id": "call-1", "type": "tool_call"}
HOSTILE = "**{braces}** ![x](http://elsewhere.invalid/a.png) <script>alert(1)</script> \u202egnp.exe"
MESSAGES = [
    SystemMessage("Answer in one word."),
    HumanMessage(HOSTILE),
    AIMessage("", tool_calls=[CALL]),
    ToolMessage("3 mm", tool_call_id="call-1", name="measure"),
    HumanMessage("x" * 30_000),
]


def opened_call(app: AppTest, messages: list[Any] = MESSAGES) -> Run:
    """Record a call of a model and open it to be run with changes: select its row, press the button."""
    model = GenericFakeChatModel(messages=iter([AIMessage("Original answer.")]))
    run = service_module.service().recorder.start(model, messages, name="measured", context={"page": "events"})
    assert run.wait(30)
    app.query_params["run"] = run.id
    app.switch_page("events.py").run()
    press(app, "Run with changes")
    assert not app.exception
    return run


def field(app: AppTest, label: str) -> Any:
    found = (*app.text_area, *app.number_input, *app.selectbox)
    return next(one for one in found if one.label.endswith(label))


def run_it(app: AppTest) -> None:
    """Press *Run* of the dialog; the page has another one."""
    app.button(key="call_run").click().run()


def test_a_call_is_run_with_changes_beside_the_original(app: AppTest, openai_server: FakeOpenAI) -> None:
    openai_server.plan = Plan(tokens=["Changed", " answer."])
    original = opened_call(app)
    assert field(app, "human").value == HOSTILE
    assert [box.label for box in app.text_area if box.label[0].isdigit()] == ["1. system", "2. human"]
    field(app, "system").set_value("Answer in two words.")
    field(app, "Temperature").set_value(0.5)
    field(app, "Seed").set_value(7)
    run_it(app)
    assert not app.exception
    assert "Original answer." in sentences(app)
    assert "Changed answer." in sentences(app)
    body = openai_server.answers[-1].body
    contents = [message["content"] for message in body["messages"]]
    assert contents[:2] == ["Answer in two words.", HOSTILE]
    assert (contents[3], contents[4]) == ("3 mm", "x" * 30_000)
    assert (body["temperature"], body["seed"]) == (0.5, 7)
    press(app, "Compare")
    assert "**A: measured**" in sentences(app)
    assert "**B: changed\\_call**" in sentences(app)
    assert "With changes" not in sentences(app)
    press(app, "Run with changes")
    press(app, "Open the run")
    run = service_module.service().recorder.store.get(str(app.query_params["run"]))
    assert run.owner
    assert run.context == {
        "page": "events",
        "from_run": original.id,
        "from_seq": 0,
        "parameters": {"temperature": 0.5, "seed": 7},
    }
    # Its own call can be changed again, and begins with what was asked.
    press(app, "Run with changes")
    assert (field(app, "system").value, field(app, "Seed").value) == ("Answer in two words.", 7)
    press(app, "Original call")
    assert str(app.query_params["run"]) == original.id
    assert app.session_state["inspector"].picked == 0
    # What was typed outlasts the way back.
    press(app, "Run with changes")
    assert field(app, "system").value == "Answer in two words."
    press(app, "Undo changes")
    assert field(app, "system").value == "Answer in one word."


def test_what_prevents_a_run_with_changes_is_said_and_nothing_typed_is_lost(
    app: AppTest, openai_server: FakeOpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> Run:
        raise LimitReachedError(LimitKind.STARTS_PER_MINUTE, 30)

    opened_call(app, [HumanMessage("Hello")])
    field(app, "human").set_value("")
    run_it(app)
    assert "No message is left to send." in sentences(app)
    field(app, "human").set_value("Typed")
    monkeypatch.setattr(service_module.service().limits, "start", refuse)
    run_it(app)
    assert str(LimitReachedError(LimitKind.STARTS_PER_MINUTE, 30)) in sentences(app)
    monkeypatch.setattr(service_module.service().models, "endpoint", lambda: None)
    run_it(app)
    assert ModelNotReadyError.message in sentences(app)
    assert field(app, "human").value == "Typed"
    assert not app.exception
    assert openai_server.answers == []


def test_a_call_without_recorded_messages_says_so(app: AppTest) -> None:
    opened_call(app, "Hello")  # type: ignore[arg-type]
    assert "The record has no messages of this call" in sentences(app)

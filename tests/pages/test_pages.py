"""The pages' logic without a browser, against a model server on loopback."""

import json
import re
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from langchain_core.runnables import RunnableGenerator, RunnableLambda
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.testing.v1 import AppTest

from pages.components.inspector.inspector_state import InspectorState
from pages.components.session import app_services as service_module
from tests.support.app_test import ask, leave_untried, open_app, press, sentences
from tests.support.fake_openai import FakeOpenAI, Fault, Plan
from tests.support.graphs import THREAD, agent, asking, with_subgraph
from weir.access.limits import LimitKind, LimitReachedError
from weir.api.schemas import RunResponse, run_view
from weir.config.settings import settings
from weir.runs.failure_sentences import FailureKind
from weir.runs.recorder import Recorder
from weir.runs.run import Run, Status
from weir.storage.lease import LEASE_SECONDS
from weir.storage.records import Message, MessageStatus
from weir.storage.repository import TERMINAL_VISITOR
from weir.storage.storage_errors import StorageError, StorageProblem


def test_an_empty_chat_teaches_with_one_sentence_and_three_suggestions(app: AppTest) -> None:
    assert "Ask anything." in sentences(app)
    others = ("stop-", "preset-")
    assert [found.label for found in app.main.button if not str(found.key).startswith(others)] == [
        "What is 25 × 17?",
        "Write a Python function that checks if a number is even",
        "What is gravity?",
    ]


def test_a_question_and_its_answer_stand_in_the_chat_with_route_and_figures(
    app: AppTest, openai_server: FakeOpenAI
) -> None:
    openai_server.plan = Plan(category="math")
    ask(app, "What is 25 * 17?")
    question, answer = app.chat_message
    assert question.text[0].value == "What is 25 * 17?"
    assert "25 × 17 = **425**\n\nOnce upon a time." in [element.value for element in answer.markdown]
    assert ":violet-badge[:material/calculate: Math]" in [element.value for element in answer.markdown]
    assert "first token" in answer.caption[0].value
    assert " out · " in answer.caption[0].value


def test_an_answer_has_its_cost_where_prices_are_set(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEIR_PRICE_IN", "1000000")
    monkeypatch.setenv("WEIR_PRICE_OUT", "500000")
    settings.cache_clear()
    service_module.close_services()
    ask(app, "Hello")
    tokens_in, tokens_out = re.search(r"(\d+) in · (\d+) out", sentences(app)).groups()  # type: ignore[union-attr]
    assert f"${int(tokens_in) + int(tokens_out) / 2:.4f}" in sentences(app)


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
    assert "Half an answer" in sentences(app)
    openai_server.plan = Plan()
    ask(app, "Second")
    history = [message["content"] for message in openai_server.answers[-1].body["messages"]]
    assert history[1:] == ["Second"]


def test_retry_replaces_a_failure(app: AppTest, openai_server: FakeOpenAI) -> None:
    openai_server.plan = Plan(status=500)
    ask(app, "Hello")
    assert FailureKind.SERVER.message in sentences(app)
    openai_server.plan = Plan()
    press(app, "Retry")
    assert FailureKind.SERVER.message not in sentences(app)
    assert "Once upon a time." in sentences(app)


def test_options_are_of_one_conversation_and_sent_with_its_questions(app: AppTest, openai_server: FakeOpenAI) -> None:
    next(box for box in app.text_area if box.label == "System prompt").set_value("Rhyme in {braces}.").run()
    next(box for box in app.number_input if box.label == "Temperature").set_value(0.5).run()
    ask(app, "Hello")
    sent = openai_server.answers[-1].body
    assert sent["messages"][0]["content"].endswith("\n\nRhyme in {braces}.")
    assert sent["temperature"] == 0.5
    next(box for box in app.number_input if box.label.startswith("Longest")).set_value(50).run()
    next(box for box in app.number_input if box.label == "Seed").set_value(7).run()
    ask(app, "Again")
    sent = openai_server.answers[-1].body
    assert (sent["temperature"], sent["max_completion_tokens"], sent["seed"]) == (0.5, 50, 7)
    press(app, "New chat")
    ask(app, "Something else")
    sent = openai_server.answers[-1].body
    assert "Rhyme" not in sent["messages"][0]["content"]
    assert sent.keys().isdisjoint(("temperature", "max_completion_tokens", "seed", "stop"))


def test_continue_writes_the_rest_of_an_answer_as_another_version(app: AppTest, openai_server: FakeOpenAI) -> None:
    openai_server.plan = Plan(tokens=["It begins", " and bre"], finish_reason="length")
    ask(app, "Go on")
    openai_server.plan = Plan(tokens=["aks off", " no more."])
    press(app, "Continue")
    assert "It begins and breaks off no more." in sentences(app)
    assert "Continue" not in [found.label for found in app.button]
    asked = [message["content"] for message in openai_server.answers[-1].body["messages"]]
    assert asked[1:3] == ["Go on", "It begins and bre"]
    me, conversation = app.session_state["visitor"], app.session_state["chat_state"].conversation_id
    stored = service_module.service().conversations.path(me, conversation)
    assert stored[-1].text == "It begins and breaks off no more."
    press(app, "Earlier version")
    assert "It begins and bre" in sentences(app)


def test_a_key_that_the_server_echoes_is_not_shown(app: AppTest, openai_server: FakeOpenAI) -> None:
    openai_server.plan = Plan(status=401, message="Incorrect API key provided: sk-canary")
    ask(app, "Hello")
    shown = sentences(app) + "".join(element.value for element in app.code)
    assert FailureKind.AUTHENTICATION.message in shown
    assert "Incorrect API key" in shown
    assert "sk-canary" not in shown


def test_a_new_chat_leaves_the_old_one_in_the_list(app: AppTest) -> None:
    ask(app, "Hello")
    press(app, "New chat")
    assert len(app.chat_message) == 0
    press(app, "Hello")
    assert app.chat_message[0].text[0].value == "Hello"


def test_a_deleted_conversation_comes_back_with_undo(app: AppTest) -> None:
    ask(app, "Hello")
    next(found for found in app.button if str(found.key).startswith("delete-")).click().run()
    assert len(app.chat_message) == 0
    assert "Hello" not in [found.label for found in app.button]
    press(app, "Undo")
    assert app.chat_message[0].text[0].value == "Hello"


def test_a_conversation_of_the_terminal_becomes_that_of_who_opens_its_link(app: AppTest) -> None:
    repository = service_module.service().conversations
    conversation = repository.create(TERMINAL_VISITOR)
    question = repository.add_question(TERMINAL_VISITOR, conversation, "Asked in the terminal", parent=None)
    answer = repository.answers.add(TERMINAL_VISITOR, question)
    repository.answers.update(TERMINAL_VISITOR, answer, "Answered there.", status=MessageStatus.DONE)
    app.query_params["conversation"] = conversation
    app.run()
    assert app.chat_message[0].text[0].value == "Asked in the terminal"
    ask(app, "Asked here")
    assert len(app.chat_message) == 4
    assert repository.visitor_of(conversation) != TERMINAL_VISITOR
    assert not repository.take_over("somebody else", conversation)


def test_an_edited_question_is_a_branch_and_both_are_reachable(app: AppTest, openai_server: FakeOpenAI) -> None:
    openai_server.plan = Plan(tokens=["First."])
    ask(app, "One")
    openai_server.plan = Plan(tokens=["Second."])
    press(app, "Edit")
    next(box for box in app.text_area if box.label == "Your question").set_value("Two")
    press(app, "Send")
    assert "Second." in sentences(app)
    assert "First." not in sentences(app)
    press(app, "Earlier version")
    assert "First." in sentences(app)
    press(app, "Later version")
    assert "Second." in sentences(app)


def test_another_route_is_a_version_and_a_correction(app: AppTest, openai_server: FakeOpenAI) -> None:
    openai_server.plan = Plan(tokens=["As general."], category="general")
    ask(app, "What is 25 * 17?")
    openai_server.plan = Plan(tokens=["As math."])
    press(app, "Answer as math instead")
    assert "As math." in sentences(app)
    assert "chosen by you" in sentences(app)
    library = service_module.service().conversations
    (me,) = {app.session_state["visitor"]}
    (correction,) = library.feedback.corrections(me)
    assert (correction.question, correction.wrong, correction.right) == ("What is 25 * 17?", "general", "math")
    assert len([seen for seen in openai_server.seen if seen.is_structured]) == 1


def test_an_opinion_is_kept(app: AppTest) -> None:
    ask(app, "Hello")
    app.feedback[0].set_value(0).run()
    assert not app.exception
    library = service_module.service().conversations
    me, conversation = app.session_state["visitor"], app.session_state["chat_state"].conversation_id
    (opinion,) = library.feedback.of_conversation(me, conversation).values()
    assert opinion.thumb == "down"


def test_a_database_that_cannot_be_opened_is_told_and_the_chat_goes_on(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, openai_server: FakeOpenAI
) -> None:
    (tmp_path / "weir.db").write_bytes(b"no database at all" * 100)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_BASE_URL", openai_server.url)
    monkeypatch.setenv("WEIR_DATA", str(tmp_path))
    settings.cache_clear()
    app = open_app()
    try:
        assert "The database file of the conversations is damaged." in sentences(app)
        ask(app, "Hello")
        assert "Once upon a time." in sentences(app)
    finally:
        service_module.close_services()
        settings.cache_clear()


def test_a_story_says_its_length_and_what_it_took(app: AppTest, openai_server: FakeOpenAI) -> None:
    app.switch_page("story.py").run()
    app.chat_input[0].set_value("a weir").run()
    assert not app.exception
    assert "Once upon a time." in sentences(app)
    system, human = openai_server.seen[0].body["messages"]
    assert "about 300 words, in a warm tone" in system["content"]
    assert human["content"] == "Write a story about a weir"


def test_a_story_that_hits_the_limit_says_so(app: AppTest, openai_server: FakeOpenAI) -> None:
    openai_server.plan = Plan(finish_reason="length")
    app.switch_page("story.py").run()
    app.chat_input[0].set_value("a weir").run()
    assert FailureKind.LENGTH.message in sentences(app)


@pytest.fixture
def interrupt() -> Iterator[Callable[[object, str], None]]:
    """Give what has the next call of a method end with its script being told to stop, as by a visitor who leaves."""

    def interrupt(owner: object, name: str) -> None:
        call = getattr(owner, name)

        def interrupted(*args: Any, **more: Any) -> Any:
            result = call(*args, **more)
            context = get_script_run_ctx()
            assert context is not None
            assert context.script_requests is not None
            context.script_requests.request_stop()
            undo.undo()
            return result

        undo.setattr(owner, name, interrupted)

    with pytest.MonkeyPatch.context() as undo:
        yield interrupt


def test_an_answer_whose_visitor_leaves_while_it_begins_is_kept(
    app: AppTest, interrupt: Callable[[object, str], None]
) -> None:
    service = service_module.service()
    interrupt(service.conversations.answers, "start")
    ask(app, "Hello")
    (run,) = service.recorder.store.runs()
    assert run.wait(30)

    def kept() -> Message:
        return service.conversations.path(app.session_state["visitor"], run.context["conversation"])[-1]

    service.answer_writer.flush(kept().id)
    assert (kept().text, kept().status) == ("Once upon a time.", MessageStatus.DONE)


@pytest.mark.parametrize("is_live", [True, False])
def test_an_answer_that_cannot_be_kept_for_long_is_shown_from_its_run(
    app: AppTest,
    openai_server: FakeOpenAI,
    interrupt: Callable[[object, str], None],
    monkeypatch: pytest.MonkeyPatch,
    is_live: bool,
) -> None:
    def fail(*_: Any, **__: Any) -> bool:
        raise StorageError(StorageProblem.FULL)

    library = service_module.service().conversations
    monkeypatch.setattr(library.answers, "update", fail)
    if is_live:
        openai_server.plan = Plan(rate=4)
        interrupt(library.answers, "start")
    ask(app, "Hello")
    monkeypatch.setattr(library, "_clock", lambda: time.time() + 2 * LEASE_SECONDS)
    app.run()
    assert "Once upon a time." in sentences(app)
    assert "Weir was restarted" not in sentences(app)


def begin_and_be_stopped(app: AppTest, interrupt: Callable[[object, str], None]) -> Recorder:
    """Ask for a run on the page that is shown, and have its script stopped while it begins."""
    recorder = service_module.service().recorder
    interrupt(recorder, "start")
    app.chat_input[0].set_value("a weir").run()
    return recorder


def test_a_story_whose_script_is_stopped_while_it_begins_is_asked_for_once(
    app: AppTest, openai_server: FakeOpenAI, interrupt: Callable[[object, str], None]
) -> None:
    app.switch_page("story.py").run()
    begin_and_be_stopped(app, interrupt)
    app.run()
    assert "Once upon a time." in sentences(app)
    assert len(openai_server.answers) == 1


@pytest.mark.parametrize("page", ["events.py", "partial_json.py"])
def test_a_run_whose_script_is_stopped_while_it_begins_is_on_its_page(
    app: AppTest, interrupt: Callable[[object, str], None], page: str
) -> None:
    leave_untried()
    app.switch_page(page).run()
    recorder = begin_and_be_stopped(app, interrupt)
    app.run()
    assert not app.exception
    (run,) = recorder.store.runs()
    assert str(app.query_params["run"]) == run.id
    assert run.owner


def test_a_run_that_was_closed_before_it_was_shown_does_not_come_back(
    app: AppTest, interrupt: Callable[[object, str], None]
) -> None:
    app.switch_page("events.py").run()
    begin_and_be_stopped(app, interrupt)
    app.switch_page("events.py").run()
    press(app, "All runs")
    app.run()
    assert "run" not in app.query_params
    assert "1 of 1 runs" in sentences(app)


def test_a_run_of_the_http_page_whose_script_is_stopped_while_it_begins_is_asked_for_once(
    app: AppTest, openai_server: FakeOpenAI, interrupt: Callable[[object, str], None]
) -> None:
    app.switch_page("http_client.py").run()
    app.session_state.http_way = "Every event of a run"
    app.run()
    recorder = begin_and_be_stopped(app, interrupt)
    app.run()
    assert not app.exception
    (run,) = recorder.store.runs()
    assert run.wait(30)
    assert len(openai_server.answers) == 1


def test_a_race_whose_script_is_stopped_while_it_begins_is_stopped(
    app: AppTest, openai_server: FakeOpenAI, interrupt: Callable[[object, str], None]
) -> None:
    openai_server.plan = Plan(rate=1)
    app.query_params["view"] = "Race"
    app.switch_page("story.py").run()
    recorder = begin_and_be_stopped(app, interrupt)
    (run,) = recorder.store.runs()
    assert run.wait(30)
    assert run.status is Status.STOPPED


def test_run_again_at_a_limit_shows_the_limit_once_and_keeps_the_run(
    app: AppTest, monkeypatch: pytest.MonkeyPatch, openai_server: FakeOpenAI
) -> None:
    app.switch_page("events.py").run()
    app.chat_input[0].set_value("a weir").run()
    (run,) = service_module.service().recorder.store.runs()
    assert run.wait(30)
    app.run()
    calls = len(openai_server.seen)

    def refuse(*_: Any, **__: Any) -> Run:
        raise LimitReachedError(LimitKind.STARTS_PER_MINUTE, 30)

    monkeypatch.setattr(service_module.service().limits, "start", refuse)
    press(app, "Run again")
    assert not app.exception
    assert not app.warning
    assert [info.value for info in app.info] == [str(LimitReachedError(LimitKind.STARTS_PER_MINUTE, 30))]
    assert str(app.query_params["run"]) == run.id
    assert app.chat_input[0].proto.value == ""
    assert len(openai_server.seen) == calls


def test_a_link_of_another_page_is_told(app: AppTest) -> None:
    ask(app, "Hello")
    run_id = app.query_params["run"]
    other = open_app()
    other.query_params["run"] = run_id
    other.switch_page("story.py").run()
    assert "another page" in sentences(other)


def test_a_link_to_no_run_says_so_and_the_chat_is_there(app: AppTest) -> None:
    other = open_app(run="00000000-0000-4000-8000-000000000000")
    assert "There is no run at this link" in sentences(other)
    assert "What is gravity?" in [found.label for found in other.button]


def odd_run(recorder: Recorder) -> Run:
    """Return a run with odd chunks, an empty name and odd tags."""

    async def yields(inputs: AsyncIterator[Any]) -> AsyncIterator[Any]:
        async for _ in inputs:
            for item in ("half of a pair: \ud83d", {"content": [1]}, {"content": "a"}, [None], 7, None, "\ude00"):
                yield item

    def fails(_: Any) -> None:
        raise ValueError("\ud83d")

    config: Any = {"tags": ["seq:step:²", "\ud83d"], "metadata": {"model": object(), "\ud83d": 1}}
    chain = RunnableGenerator(yields).with_config(config)
    run = recorder.start(chain | RunnableLambda(str) | RunnableLambda(fails), {"question": "\ud83d"}, name="")
    assert run.wait(30)
    return run


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "object", "properties": {"content": {"type": "array"}}}, {"content": [1, 2]}),
        ({"type": "object", "properties": {"content": {"type": "string"}}}, {"content": "one two"}),
        ({"type": 3, "properties": [1]}, {"content": None}),
        ("none", 7),
    ],
)
def test_the_json_page_draws_any_schema_of_ones_own(app: AppTest, schema: Any, value: Any) -> None:
    async def yields(inputs: AsyncIterator[Any]) -> AsyncIterator[Any]:
        async for _ in inputs:
            yield {}
            yield value

    model = GenericFakeChatModel(messages=iter([AIMessage(json.dumps(value) + " half of a pair: \ud83d")]))
    recorder = service_module.service().recorder
    run = recorder.start(RunnableLambda(str) | model | RunnableGenerator(yields), value, context={"schema": schema})
    assert run.wait(30)
    app.query_params["run"] = run.id
    app.switch_page("partial_json.py").run()
    assert not app.exception
    assert " · Done · " in sentences(app)
    response = RunResponse.model_validate_json(b"".join(run_view(run, "/api")))
    assert (response.text, response.mark) == ("", "Done")


@pytest.mark.parametrize("make", [agent, with_subgraph, asking])
def test_the_event_page_draws_what_makes_a_run_a_graphs(app: AppTest, make: Callable[[], Any]) -> None:
    value = {"messages": [("user", "hi")]} if make is agent else {"topic": "water"}
    run = service_module.service().recorder.start(make(), value, config=THREAD)
    assert run.wait(30)
    app.query_params["run"] = run.id
    app.switch_page("events.py")
    for view, sentence in {
        "Timeline": f"{len(run.events):,} events",
        "Graph": "visited ",
        "State": "Changed by this step",
        "Tools": "multiply" if make is agent else "No model has called a tool",
    }.items():
        app.session_state["view"] = view
        app.run()
        assert not app.exception
        assert sentence in sentences(app)


@pytest.mark.parametrize("view", ["Timeline", "Events", "Latency", "Doctor", "Text"])
def test_the_event_page_draws_a_run_of_odd_events(app: AppTest, view: str) -> None:
    recorder = service_module.service().recorder
    run, other = odd_run(recorder), odd_run(recorder)
    for number in (None, 0, 3, len(run.events) - 1):
        app.query_params.update({"run": run.id, "with": other.id, "view": view})
        app.session_state["inspector"] = InspectorState(picked=number)
        app.session_state["events_fold"] = number != 3
        app.switch_page("events.py").run()
        assert not app.exception
        assert f"{len(run.events):,} events" in sentences(app)

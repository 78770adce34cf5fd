"""Files of questions on the chat page: sent, refused with the text given back, kept with an edited question, shared."""

import json

import pytest
from streamlit.testing.v1 import AppTest

from pages.components.session import app_services as service_module
from tests.support.app_test import ask, open_app, press, sentences
from tests.support.fake_openai import FakeOpenAI
from tests.support.images import image
from weir.config.settings import settings
from weir.runs.run import Run

NASTY = "[x](http:evil) <b>*notes*.txt"


def ask_with(app: AppTest, question: str, *files: tuple[str, bytes]) -> None:
    box = app.chat_input[0]
    for name, content in files:
        box.upload(name, content)
    box.set_value(question).run()
    assert not app.exception


def newest_run(app: AppTest) -> Run:
    return service_module.service().recorder.store.get(str(app.query_params["run"]))


def stored(app: AppTest) -> list[list[str]]:
    me, conversation = app.session_state["visitor"], app.session_state["chat_state"].conversation_id
    path = service_module.service().conversations.path(me, conversation)
    return [[one.name for one in message.attachments] for message in path]


def test_text_and_image_are_sent_shown_and_left_out_of_the_record(app: AppTest, openai_server: FakeOpenAI) -> None:
    picture = image("PNG", (900, 700)) + bytes(50_000)
    ask_with(app, "What is 25 * 17?", (NASTY, b"Rain at noon."), ("cat.png", picture))
    note, cat_name, cat, asked = openai_server.answers[-1].body["messages"][-1]["content"]
    assert note["text"] == f'The file "{NASTY}":\n```\nRain at noon.\n```'
    assert cat_name["text"] == 'The image "cat.png":'
    assert cat["image_url"]["url"].startswith("data:image/png;base64,iVBORw0KGgo")
    assert asked["text"].startswith("What is 25 * 17?")

    run = newest_run(app)
    assert run.input == {"question": "What is 25 * 17?", "history": []}
    assert [one["name"] for one in run.context["attachments"]] == [NASTY, "cat.png"]
    events = [event.payload for event in run.events]
    assert sum(map(len, events)) < 30_000
    assert any(b"[image/png, 5" in payload and b"left out of the record]" in payload for payload in events)
    classified = next(seen for seen in openai_server.seen if seen.is_structured)
    assert "Rain" not in json.dumps(classified.body)

    chips = [element.value for element in app.chat_message[0].markdown]
    assert chips == [
        ":gray-badge[:material/description: \\[x\\]\\(http\\:evil\\) \\<b\\>\\*notes\\*.txt · 13 B]",
    ]
    assert len(app.chat_message[0].image) == 1

    ask(app, "And then?")
    history = openai_server.answers[-1].body["messages"]
    assert [type(message["content"]) for message in history] == [str, list, str, str]
    assert history[1]["content"][2]["image_url"]["url"].startswith("data:image/png;base64,")


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        (NASTY, b"\xff\xfe", "is neither text in UTF\\-8"),
        ("long.txt", b"word " * 10_000, "have about 12,5"),
        ("cat.png", image(), "fake takes no images"),
    ],
)
def test_a_file_that_cannot_be_sent_is_refused_and_the_text_given_back(
    app: AppTest, openai_server: FakeOpenAI, monkeypatch: pytest.MonkeyPatch, name: str, content: bytes, sentence: str
) -> None:
    blind = type(service_module.service().models)
    monkeypatch.setattr(blind, "takes_images", property(lambda _: False))
    ask_with(app, "Read this", (name, content))
    assert sentence in app.warning[0].value
    assert app.warning[0].value.endswith("The question was not sent.")
    assert app.chat_input[0].proto.value == "Read this"
    assert not app.chat_message
    assert not openai_server.seen
    assert service_module.service().conversations.conversations(app.session_state["visitor"]) == []
    app.run()
    assert not app.warning


def test_an_edited_question_keeps_the_files_that_stay_chosen(app: AppTest, openai_server: FakeOpenAI) -> None:
    ask_with(app, "", ("a.txt", b"first"), ("b.txt", b"second"))
    assert openai_server.answers[-1].body["messages"][-1]["content"].endswith("second\n```")
    press(app, "Edit")
    files = next(found for found in app.pills if found.label == "Files that are sent with it")
    assert isinstance(files.value, list)
    files.set_value(files.value[1:])
    press(app, "Send")
    assert stored(app) == [["b.txt"], []]
    assert "first" not in openai_server.answers[-1].body["messages"][-1]["content"]
    press(app, "Regenerate")
    assert "second" in openai_server.answers[-1].body["messages"][-1]["content"]


def test_who_opens_the_link_sees_the_files_and_their_pictures(app: AppTest) -> None:
    ask_with(app, "Look", ("cat.png", image()), ("a.txt", b"first"))
    run = newest_run(app)
    run.is_shared = True
    reader = open_app(run=run.id)
    assert [element.value for element in reader.chat_message[0].markdown] == [
        ":gray-badge[:material/description: a.txt · 5 B]"
    ]
    assert len(reader.chat_message[0].image) == 1
    # A recording that names somebody else's conversation shows names alone.
    run.owner = "somebody else"
    assert not open_app(run=run.id).chat_message[0].image


def test_an_answer_of_a_model_that_takes_no_images_fails_with_a_sentence(
    app: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask_with(app, "Look", ("cat.png", image()))
    monkeypatch.setattr(type(service_module.service().models), "takes_images", property(lambda _: False))
    press(app, "Regenerate")
    assert "fake takes no images." in sentences(app)
    assert "Retry" in [found.label for found in app.button]


def test_where_no_files_are_kept_none_can_be_sent(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    assert app.chat_input[0].proto.accept_file
    monkeypatch.setenv("WEIR_ATTACHMENTS_MB", "0")
    settings.cache_clear()
    service_module.close_services()
    assert not open_app().chat_input[0].proto.accept_file

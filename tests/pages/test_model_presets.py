"""Presets on the Chat and in the Streaming lab: one set of options, saved here and applied there, deleted with undo."""

from streamlit.testing.v1 import AppTest

from tests.support.app_test import ask, press
from tests.support.fake_openai import FakeOpenAI

OWN = "Answer like a pirate."


def test_a_preset_is_saved_in_the_chat_and_applied_to_a_story(app: AppTest, openai_server: FakeOpenAI) -> None:
    assert "preset-new" not in [box.key for box in app.selectbox], "they are read while nobody sees them"
    app.session_state["options-new"] = True
    app.run()
    app.text_area(key="system-new").set_value(OWN)
    app.number_input(key="temperature-new").set_value(0.5)
    app.number_input(key="length-new").set_value(70)
    app.number_input(key="seed-new").set_value(7)
    app.text_input(key="preset-name-new").set_value("pirate").run()
    app.button(key="preset-save-new").click().run()
    assert not app.exception
    app.number_input(key="seed-new").set_value(8).run()
    app.selectbox(key="preset-new").set_value(None).run()
    app.selectbox(key="preset-new").select("pirate").run()
    ask(app, "Why?")
    body = openai_server.answers[-1].body
    assert (body["temperature"], body["seed"], body["max_completion_tokens"]) == (0.5, 7, 70)
    assert OWN in body["messages"][0]["content"]
    app.switch_page("story.py")
    app.session_state["story_model_options"] = True
    app.run()
    app.selectbox(key="preset-story").select("pirate").run()
    ask(app, "rain {or} shine")
    body = openai_server.answers[-1].body
    assert (body["temperature"], body["seed"], body["max_completion_tokens"]) == (0.5, 7, 70)
    assert body["messages"][0]["content"].endswith(f"\n\n{OWN}")
    assert [message["role"] for message in body["messages"]] == ["system", "user"]
    app.button(key="preset-delete-story").click().run()
    assert app.selectbox(key="preset-story").disabled
    press(app, "Undo")
    assert app.selectbox(key="preset-story").options == ["pirate"]

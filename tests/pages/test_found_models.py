"""Models of this machine on the page: offered by the model line, and used with a click."""

import pytest
from streamlit.testing.v1 import AppTest

from pages.components.session import app_services
from tests.support.app_test import ask, press
from tests.support.fake_openai import FakeOpenAI
from weir.llm.local_servers import FoundModel


@pytest.mark.parametrize("file", ["", "story.py"])
def test_a_found_model_answers_once_it_is_chosen(
    app: AppTest, openai_server: FakeOpenAI, monkeypatch: pytest.MonkeyPatch, file: str
) -> None:
    monkeypatch.setattr("pages.components.layout.found_models.is_this_machine", lambda: True)
    services = app_services.service()
    services.models._shared.found = (FoundModel("llama3.2", "Ollama (11434)", openai_server.url),)
    app = (app.switch_page(file) if file else app).run()
    assert not [box for box in app.selectbox if box.label == "Model" and box.key == "model"]
    assert any('[models."llama3.2"]' in code.value for code in app.code)
    press(app, "Use it")
    assert app.query_params["model"] == "llama3.2"
    ask(app, "Why?")
    assert openai_server.answers[-1].body["model"] == "llama3.2"
    assert services.models.catalogue.default.name == "fake"

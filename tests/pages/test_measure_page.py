"""The *Measure* view: what it says before it starts, and what the limits leave of it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from pages.components.session import app_services
from tests.support.app_test import open_app, press, sentences
from weir.config.settings import settings


@pytest.fixture
def limited(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[AppTest]:
    """The view where a visitor may have four runs at once and start ten a minute; the model cannot be reached."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    monkeypatch.setenv("OPENAI_MODEL", "fake")
    monkeypatch.setenv("WEIR_MAX_RUNS_PER_VISITOR", "4")
    monkeypatch.setenv("WEIR_RUNS_PER_MINUTE", "10")
    settings.cache_clear()
    yield open_app("story.py", view="Measure")
    app_services.close_services()
    settings.cache_clear()


def test_the_view_stays_within_the_limits_and_says_what_it_sends(limited: AppTest) -> None:
    levels = limited.session_state.measure_levels
    assert list(levels) == [1, 4]
    assert "Sends 9 requests to 1 model, 1, 4 at once" in sentences(limited)
    assert "What fake may cost is not known" in sentences(limited)
    limited.session_state.measure_levels = [1, 2, 4]
    limited.run()
    assert limited.info[0].value.startswith("This Weir starts at most 10 runs a minute")
    assert next(button for button in limited.button if button.label == "Measure").disabled
    limited.session_state.measure_levels = [1]
    limited.run()
    press(limited, "Measure")
    current = limited.session_state.measure_state.current
    current._measuring.result(60)
    limited.run()
    assert "server cannot be reached" in sentences(limited)
    assert not limited.exception

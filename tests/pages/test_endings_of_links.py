"""Whoever opens a link sees how the answer ended, on its own page and in the inspector."""

import threading
from dataclasses import replace

import pytest
from streamlit.testing.v1 import AppTest

from pages.components.session.app_services import service
from tests.support.app_test import ask, leave_untried, open_app, press, sentences
from tests.support.fake_openai import FakeOpenAI, Plan
from weir.runs.failure_sentences import FailureKind

WORDS = [f" word{number}" for number in range(3_000)]
JSON = ['{"name": "', *WORDS[:8]]
STOPPED = "Stopped"
ENDS = {
    "Failed": (Plan(status=401), FailureKind.AUTHENTICATION.message),
    "Cut off": (Plan(tokens=WORDS[:8], structured_tokens=JSON, finish_reason="length"), FailureKind.LENGTH.message),
    STOPPED: (Plan(tokens=WORDS, structured_tokens=['{"name": "', *WORDS], rate=50), "This answer was stopped."),
}


def stop_after_some_words(model: FakeOpenAI) -> None:
    """Stop the one run, as another tab would, once its model has written something."""
    while not any(seen.sent > 5 for seen in model.seen):
        threading.Event().wait(0.01)
    (run,) = service().recorder.store.runs()
    run.stop()


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("begun_on", ["", "story.py", "partial_json.py"])
def test_whoever_opens_a_link_sees_how_the_answer_ended(
    app: AppTest, openai_server: FakeOpenAI, begun_on: str, end: str
) -> None:
    plan, sentence = ENDS[end]
    openai_server.plan = plan if begun_on == "partial_json.py" else replace(plan, structured_tokens=None)
    leave_untried()
    if begun_on:
        app.switch_page(begun_on).run()
    if end == STOPPED:
        threading.Thread(target=stop_after_some_words, args=(openai_server,), daemon=True).start()
    ask(app, "Share this")
    assert sentence in sentences(app)
    (run,) = service().recorder.store.runs()
    assert run.wait(30)
    for seen_on in (begun_on, "events.py"):
        stranger = open_app(seen_on, run=run.id)
        assert not stranger.exception
        assert sentence in sentences(stranger)
        assert end in sentences(stranger)
        assert "You stopped" not in sentences(stranger)


def test_a_link_that_was_taken_back_shows_nothing_on_any_page(app: AppTest) -> None:
    ask(app, "Share this")
    (run,) = service().recorder.store.runs()
    assert "Once upon a time." in sentences(open_app(run=run.id))
    press(app, "Stop sharing")
    for page in ("", "story.py", "events.py", "partial_json.py", "http_client.py"):
        for query in ({}, {"with": "1"}):
            stranger = open_app(page, run=run.id, **query)
            assert not stranger.exception
            assert "This link is not shared any more" in sentences(stranger), page
            assert "Once upon a time." not in str(stranger), page
            assert "Share this" not in str(stranger), page

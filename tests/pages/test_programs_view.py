"""Programs on the Inspector, without a browser: what is said of them, and who sees them."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from pages.components.inspector.programs_view import LANGSMITH_NOTE
from pages.components.session import app_services as service_module
from tests.runs.test_attached_programs import END, RUN, body, event, header
from tests.support.app_test import sentences
from weir.access.caller import TOKEN_HOLDER, Caller
from weir.config.settings import settings
from weir.runs.attached_programs import AttachedPrograms
from weir.runs.langsmith_operations import Operation
from weir.runs.langsmith_programs import LangSmithPrograms

ME = Caller.from_identity("me").visitor
TOKEN = "a-long-random-token"


@pytest.fixture
def programs(inspector: AppTest) -> AttachedPrograms:
    return service_module.service().programs


def test_programs_are_listed_with_what_they_have_sent(inspector: AppTest, programs: AttachedPrograms) -> None:
    sent = body(
        (0, [header(), event(0), event(1), END]),
        host="here\u202e",
        name="[app](http://x)",
        dropped=3,
        command="python `app`",
        content=False,
    )
    programs.receive(ME, sent)
    programs.receive(ME, body(program="b" * 32, name="other.py", ended=True))
    programs.receive("somebody else", body(program="c" * 32, name="secret.py"))
    service_module.service().archive.flush()
    inspector.run()
    shown = sentences(inspector)
    for part in ("**Programs** · 1 live", "process 7 on here�", "1 run, 0 live", "3 events dropped", "texts are not"):
        assert part in shown
    assert "secret.py" not in shown
    assert "Programs that send nothing now (1)" in [expander.label for expander in inspector.expander]
    assert "\\[app\\]" in inspector.button(key=f"program-{'a' * 32}").label
    assert "1 of 1 runs" in shown
    inspector.button(key=f"program-{'b' * 32}").click().run()
    assert inspector.session_state["runs_programs"] == ["other.py"]
    assert "0 of 1 runs" in sentences(inspector)


INVOKED = event(1) | {"event": "on_chat_model_end", "data": {"output": "x"}}


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        ([event(0), event(1, "Once"), END], "What parsers and other steps yield is not seen from outside"),
        ([event(0), INVOKED, END], "A model was called with invoke, not with stream, so its answer has no tokens."),
        ([event(0), event(1, "Once")], "Sent by app.py, process 7."),
    ],
)
def test_a_run_says_who_sent_it_and_what_is_not_seen(
    inspector: AppTest, programs: AttachedPrograms, lines: list[object], sentence: str
) -> None:
    programs.receive(ME, body((0, [header(), *lines])))
    inspector.query_params["run"] = RUN
    inspector.run()
    assert sentence in sentences(inspector)
    # Weir does not run it.
    assert all(button.disabled for button in inspector.button if button.label == "Stop")


@pytest.mark.parametrize("view", ["Text", "Latency"])
def test_a_run_of_langsmiths_client_says_that_its_tokens_are_not_there(
    inspector: AppTest, programs: AttachedPrograms, view: str
) -> None:
    times = {"start_time": "2026-11-28T10:00:00Z", "end_time": "2026-11-28T10:00:01Z"}
    operation = Operation(RUN, RUN, {"name": "chain", "outputs": {"output": "x"}} | times)
    LangSmithPrograms(programs).receive(ME, "langsmith-py/1", [operation])
    inspector.query_params["run"] = RUN
    inspector.query_params["view"] = view
    inspector.run()
    shown = [caption.value for caption in inspector.caption if LANGSMITH_NOTE in caption.value]
    # At the head, and where one would look for them.
    assert len(shown) == 2
    assert "Sent by default through LangSmith" in shown[0]


def test_runs_of_the_token_are_seen_by_whoever_enters_it(
    inspector: AppTest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("WEIR_API_TOKEN", TOKEN)
    settings.cache_clear()
    service_module.service().programs.receive(TOKEN_HOLDER, body((0, [header(), event(0)])))
    inspector.run()
    assert "**Programs** · 1 live" not in sentences(inspector)
    inspector.text_input(key="programs_token").set_value("not the token, really").run()
    assert "That is not the token" in sentences(inspector)
    inspector.text_input(key="programs_token").set_value(TOKEN).run()
    assert "**Programs** · 1 live" in sentences(inspector)
    inspector.query_params["run"] = RUN
    inspector.run()
    assert "Sent by app.py" in sentences(inspector)


def test_a_run_of_a_program_is_nobody_elses(inspector: AppTest) -> None:
    service_module.service().programs.receive(TOKEN_HOLDER, body((0, [header(), event(0)])))
    inspector.query_params["run"] = RUN
    inspector.run()
    assert "This link is not shared" in sentences(inspector)

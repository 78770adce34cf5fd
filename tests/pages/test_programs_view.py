"""Programs on the Inspector, without a browser: what is said of them, and who sees them."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from pages.components.session import app_services as service_module
from tests.runs.test_attached_programs import END, RUN, body, event, header
from weir.access.caller import TOKEN_HOLDER, Caller
from weir.config.settings import settings
from weir.runs.attached_programs import AttachedPrograms

ROOT = Path(__file__).parents[2]
ME = Caller.from_identity("me").visitor
TOKEN = "a-long-random-token"


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[AppTest]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    settings.cache_clear()
    test = AppTest.from_file(ROOT / "pages" / "navigation.py", default_timeout=30)
    test.session_state["visitor"] = "me"
    yield test.switch_page("events.py")
    service_module.close_services()
    settings.cache_clear()


@pytest.fixture
def programs(app: AppTest) -> AttachedPrograms:
    return service_module.service().programs


def sentences(app: AppTest) -> str:
    assert not app.exception
    return "\n".join(str(element.value) for element in (*app.markdown, *app.caption, *app.warning, *app.error))


def test_programs_are_listed_with_what_they_have_sent(app: AppTest, programs: AttachedPrograms) -> None:
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
    app.run()
    shown = sentences(app)
    for part in ("**Programs** · 1 live", "process 7 on here�", "1 run, 0 live", "3 events dropped", "texts are not"):
        assert part in shown
    assert "secret.py" not in shown
    assert "Programs that are gone (1)" in [expander.label for expander in app.expander]
    assert "\\[app\\]" in app.button(key=f"program-{'a' * 32}").label
    assert "1 of 1 runs" in shown
    app.button(key=f"program-{'b' * 32}").click().run()
    assert app.session_state["runs_programs"] == ["other.py"]
    assert "0 of 1 runs" in sentences(app)


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
    app: AppTest, programs: AttachedPrograms, lines: list[object], sentence: str
) -> None:
    programs.receive(ME, body((0, [header(), *lines])))
    app.query_params["run"] = RUN
    app.run()
    assert sentence in sentences(app)
    # Weir does not run it.
    assert all(button.disabled for button in app.button if button.label == "Stop")


def test_runs_of_the_token_are_seen_by_whoever_enters_it(
    app: AppTest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("WEIR_API_TOKEN", TOKEN)
    settings.cache_clear()
    service_module.service().programs.receive(TOKEN_HOLDER, body((0, [header(), event(0)])))
    app.run()
    assert "app.py" not in sentences(app)
    app.text_input(key="programs_token").set_value("not the token, really").run()
    assert "That is not the token" in sentences(app)
    app.text_input(key="programs_token").set_value(TOKEN).run()
    assert "**Programs** · 1 live" in sentences(app)
    app.query_params["run"] = RUN
    app.run()
    assert "Sent by app.py" in sentences(app)


def test_a_run_of_a_program_is_nobody_elses(app: AppTest) -> None:
    service_module.service().programs.receive(TOKEN_HOLDER, body((0, [header(), event(0)])))
    app.query_params["run"] = RUN
    app.run()
    assert "This link is not shared" in sentences(app)

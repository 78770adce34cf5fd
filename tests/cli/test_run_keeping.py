"""What a command runs is in the app's list, where the app has an archive."""

from pathlib import Path

import pytest

from tests.support.archived_runs import end, live_run
from tests.support.command_process import running_command
from tests.support.fake_openai import FakeOpenAI, Plan
from weir.access.caller import LOCAL_PROGRAMS
from weir.archive.run_archive import RunArchive
from weir.cli.run_keeping import keep_runs
from weir.config.settings import Settings
from weir.storage.database import database_url
from weir.storage.repository import open_repository
from weir.storage.run_records import RunFilter

BUDGET = 10_000_000


def test_commands_that_end_at_once_are_listed_by_an_app_that_writes_meanwhile(
    tmp_path: Path, openai_server: FakeOpenAI
) -> None:
    openai_server.plan = Plan(tokens=["rain", " falls"])
    data = tmp_path / "data"
    repository = open_repository(database_url(data, None))
    app = RunArchive(BUDGET, engine=repository.engine, folder=data, budget=BUDGET)
    app.start()
    commands = [("story", "rain"), ("ask", "--route", "general", "Why?"), ("story", "snow")]
    try:
        with (
            running_command(tmp_path, *commands[0], url=openai_server.url) as first,
            running_command(tmp_path, *commands[1], url=openai_server.url) as second,
            running_command(tmp_path, *commands[2], url=openai_server.url, environment={"WEIR_KEEP_MB": "0"}) as third,
        ):
            written = 0
            while None in (first.poll(), second.poll(), third.poll()) or written < 20:
                app.add(live := live_run(f"question {written}"))
                end(live)
                app.flush()
                written += 1
            assert [command.wait() for command in (first, second, third)] == [0, 0, 0]
            assert "The app" not in first.errors.text + second.errors.text + third.errors.text
        assert app.index.count(RunFilter(("ann",))) == written
        kept = app.index.page(RunFilter(LOCAL_PROGRAMS))
        assert {(entry.chain, entry.input, entry.page) for entry in kept} == {
            ("story", "rain", "command"),
            ("smart_router", "Why?", "command"),
        }
        assert all(app.get(entry.id).events for entry in kept)
    finally:
        app.close(10)
        repository.close()


@pytest.mark.parametrize(
    ("name", "sentence"), [("weir.db", "after its next start"), ("runs", "does not list this run")]
)
def test_an_archive_that_cannot_be_written_is_a_sentence(tmp_path: Path, name: str, sentence: str) -> None:
    (tmp_path / name).write_bytes(b"" if name == "weir.db" else b"a file in place of a folder")
    assert sentence in keep_runs([end(live_run())], Settings(WEIR_DATA=tmp_path))

"""The run list without a browser: what it says of the disk, of a filter without matches, of a database that fails."""

import datetime as dt
import errno
import os
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from pages.components.inspector.run_list_state import RunListState
from pages.components.layout.formatting import moment
from pages.components.session import app_services as service_module
from tests.support.app_test import sentences
from tests.support.archived_runs import end, entry, live_run
from weir.access.caller import Caller
from weir.archive.run_archive import RunArchive
from weir.storage.run_records import RunSort

ME = Caller.from_identity("me").visitor


@pytest.fixture
def archive(inspector: AppTest) -> RunArchive:
    return service_module.service().archive


def test_an_empty_list_teaches_and_a_filter_without_matches_says_so(inspector: AppTest, archive: RunArchive) -> None:
    inspector.run()
    assert "record your own" in sentences(inspector)
    assert any(text.value.endswith("--record run.jsonl`") for text in inspector.markdown)
    archive.index.add(entry("one", owner=ME))
    archive.index.add(entry("two", owner="somebody else"))
    inspector.run()
    assert "record your own" not in sentences(inspector)
    assert "1 of 1 runs" in sentences(inspector)
    inspector.text_input(key="runs_text").set_value("nothing has this").run()
    assert "None of your 1 runs matches the filter." in sentences(inspector)
    assert "0 of 1 runs" in sentences(inspector)


def test_a_long_list_has_pages(inspector: AppTest, archive: RunArchive) -> None:
    for number in range(51):
        archive.index.add(entry(str(number), owner=ME, created_at=1e9 + number))
    inspector.run()
    assert "51 of 51 runs" in sentences(inspector)
    inspector.session_state["runs_page"] = 2
    inspector.run()
    assert "51 of 51 runs" in sentences(inspector)


def test_a_full_disk_is_one_sentence_and_the_list_goes_on(
    inspector: AppTest, archive: RunArchive, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "")

    monkeypatch.setattr(os, "fsync", full)
    run = live_run(owner=ME)
    archive.add(run)
    end(run)
    archive.flush()
    inspector.run()
    assert [warning.value.partition(",")[0] for warning in inspector.warning] == ["The disk is full"]
    assert "1 of 1 runs" in sentences(inspector)


def test_a_database_that_cannot_be_read_is_a_sentence(
    inspector: AppTest, archive: RunArchive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service_module.service().conversations.engine.dispose()
    (tmp_path / "data" / "weir.db").write_bytes(b"not a database, " * 500)
    inspector.run()
    assert "The runs cannot be listed." in sentences(inspector)


def test_a_column_is_sorted_by_what_one_looks_for_and_then_the_other_way_round() -> None:
    state = RunListState()
    state.sort_by(RunSort.FIRST_TOKEN)
    assert (state.sort, state.ascending) == (RunSort.FIRST_TOKEN, True)
    state.sort_by(RunSort.FIRST_TOKEN)
    assert not state.ascending
    state.sort_by(RunSort.FINDINGS)
    assert (state.sort, state.ascending) == (RunSort.FINDINGS, False)


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("2026-11-28T09:05:03+00:00", "16:05:03"),
        ("2026-11-27T16:59:00+00:00", "23:59:00"),
        ("2026-11-27T09:05:00+00:00", "27 Nov 16:05"),
        ("2025-01-02T09:05:00+00:00", "2 Jan 2025 16:05"),
    ],
)
def test_a_moment_is_said_as_short_as_it_can_be(at: str, expected: str) -> None:
    jakarta = dt.timezone(dt.timedelta(hours=7))
    now = dt.datetime(2026, 11, 27, 18, tzinfo=dt.UTC)
    if expected == "23:59:00":
        now = dt.datetime(2026, 11, 27, 16, 59, 30, tzinfo=dt.UTC)
    elif expected.count(":") == 2:
        now = dt.datetime(2026, 11, 28, 12, tzinfo=dt.UTC)
    assert moment(dt.datetime.fromisoformat(at).timestamp(), jakarta, now.timestamp()) == expected

"""Runs that outlive their process: whole or not at all, their owner's, within a limit, and out of memory."""

import errno
import gc
import gzip
import os
import subprocess
import sys
import weakref
from pathlib import Path
from typing import Any

import pytest

from tests.archive.conftest import Reopen
from tests.support.app_process import ROOT
from tests.support.archived_runs import ANN, BEN, end, live_run
from weir.archive import run_files
from weir.archive.run_archive import IDLE_SECONDS, RunArchive
from weir.runs.memory_run import MemoryRun
from weir.runs.recording_file import from_jsonl, to_jsonl
from weir.runs.run import Status
from weir.runs.run_store import RunEvictedError, RunNotFoundError, RunUnreadableError, get_readable_run
from weir.storage.run_records import RunFilter
from weir.storage.storage_errors import StorageError

ALL = RunFilter((ANN,))


def kept(archive: RunArchive, question: str = "rain", **values: Any) -> MemoryRun:
    """Add a run, end it, and wait until it is written."""
    run = live_run(question, **values)
    archive.add(run)
    end(run)
    archive.flush()
    return run


def listed(archive: RunArchive) -> list[str]:
    return [entry.input for entry in archive.index.page(ALL)]


def size_of_one(archive: RunArchive) -> int:
    return archive.index.total_bytes() // archive.index.count(ALL)


def test_a_run_is_the_same_after_a_restart(archive: RunArchive, reopen: Reopen, folder: Path) -> None:
    before = kept(archive, "Grüße 🌊")
    path = folder / f"{before.id}.jsonl.gz"
    assert (folder.stat().st_mode & 0o777, path.stat().st_mode & 0o777) == (0o700, 0o600)
    assert gzip.decompress(path.read_bytes()) == b"".join(to_jsonl(before))
    run = reopen().get(before.id)
    assert run is not before
    assert list(to_jsonl(run)) == list(to_jsonl(before))
    assert (run.id, run.owner, run.status, run.is_recording) == (before.id, ANN, Status.DONE, False)
    assert (run.ended_at, run.context, run.input) == (before.ended_at, before.context, before.input)


def test_the_list_has_the_figures_of_the_pages(archive: RunArchive) -> None:
    run = kept(archive)
    (entry,) = archive.index.page(ALL)
    assert (entry.chain, entry.page, entry.input, entry.model, entry.status) == (
        "story",
        "story",
        "rain",
        "fake",
        "done",
    )
    assert (entry.first_token, entry.seconds, entry.events) == (0.5, 3.0, len(run.events))
    assert (entry.tokens_in, entry.tokens_out, entry.is_exact, entry.cost) == (7, 3, True, 8.5)
    assert entry.findings == 0
    assert archive.unlisted(ALL) == []


def test_a_live_run_is_listed_beside_the_index_until_it_is_written(archive: RunArchive) -> None:
    run = live_run()
    archive.add(run)
    (entry,) = archive.unlisted(ALL)
    assert (entry.id, entry.status, entry.seconds) == (run.id, "writing", 9.0)
    assert archive.unlisted(RunFilter((BEN,))) == []
    assert archive.index.page(ALL) == []
    end(run)
    archive.flush()
    assert archive.unlisted(ALL) == []
    assert listed(archive) == ["rain"]


def test_an_opened_recording_is_a_file_already_and_is_not_kept(archive: RunArchive) -> None:
    recording = from_jsonl(b"".join(to_jsonl(end(live_run()))))
    archive.add(recording)
    archive.flush()
    assert archive.get(recording.id) is recording
    assert archive.index.ids() == set()
    assert archive.unlisted(RunFilter(("",))) == []


def test_memory_is_released_once_nobody_reads_and_the_link_still_works(reopen: Reopen) -> None:
    now = [1_000.0]
    archive = reopen(clock=lambda: now[0])
    run = kept(archive)
    run_id, remains = run.id, weakref.ref(run)
    archive.get(run_id)
    archive.release_idle()
    assert archive.runs() == [run]
    now[0] += IDLE_SECONDS + 1
    with run.reading():
        archive.release_idle()
        assert archive.runs() == [run]
    archive.release_idle()
    assert archive.runs() == []
    # Whoever still holds it and whoever asks for it have the same object.
    assert archive.get(run_id) is run
    del run
    gc.collect()
    assert remains() is None
    assert archive.get(run_id).input == {"topic": "rain"}
    assert len(archive.runs()) == 1


def test_a_run_that_was_evicted_from_memory_is_read_from_disk(reopen: Reopen) -> None:
    archive = reopen(memory=20_000)
    runs = [kept(archive, f"number {number}").id for number in range(9)]
    gc.collect()
    assert len(archive.runs()) < 9
    assert [archive.get(run_id).input["topic"] for run_id in runs] == [f"number {number}" for number in range(9)]


def test_who_may_read_a_run_on_disk_is_known_without_reading_it(archive: RunArchive, reopen: Reopen) -> None:
    run_id = kept(archive).id
    again = reopen()
    for is_shared in (True, False):
        again.set_shared(run_id, is_shared)
        for _ in range(2):
            access = again.access(run_id)
            assert access is not None
            assert (access.owner, access.can_read(ANN), access.can_read(BEN)) == (ANN, True, is_shared)
    assert again.runs() == []
    assert not again.get(run_id).is_shared
    again.delete([ANN], [run_id])
    assert again.access(run_id) is None
    assert again.access("never was") is None


def test_only_the_owner_reads_a_run_that_was_taken_back_also_after_a_restart(
    archive: RunArchive, reopen: Reopen
) -> None:
    run = kept(archive)
    get_readable_run(archive, run.id, BEN)
    archive.set_shared(run.id, False)
    again = reopen()
    assert not again.get(run.id).can_read(BEN)
    assert get_readable_run(again, run.id, ANN).owner == ANN
    again.set_shared(run.id, True)
    assert reopen().get(run.id).can_read(BEN)


def test_a_run_that_is_taken_back_while_it_is_live_or_written_is_not_shared(
    archive: RunArchive, reopen: Reopen, monkeypatch: pytest.MonkeyPatch
) -> None:
    early, meanwhile = live_run("early"), live_run("meanwhile")
    archive.add(early)
    archive.set_shared(early.id, False)
    end(early)
    write = run_files.RunFiles.write

    def write_and_take_back(files: run_files.RunFiles, run: MemoryRun, entry: Any) -> int:
        size = write(files, run, entry)
        if run is meanwhile:
            archive.set_shared(run.id, False)
        return size

    monkeypatch.setattr(run_files.RunFiles, "write", write_and_take_back)
    archive.add(meanwhile)
    end(meanwhile)
    archive.flush()
    again = reopen()
    assert [again.get(run.id).is_shared for run in (early, meanwhile)] == [False, False]


def test_an_index_that_has_lost_its_runs_gets_them_back_with_their_owner(archive: RunArchive, reopen: Reopen) -> None:
    shared, private = kept(archive, "shared"), kept(archive, "private")
    archive.set_shared(private.id, False)
    before = archive.index.page(ALL)
    archive.index.forget([shared.id, private.id])
    again = reopen()
    assert again.index.page(ALL) == [*before]
    assert [again.get(run.id).is_shared for run in (shared, private)] == [True, False]


def test_a_row_without_a_file_goes_at_the_start(archive: RunArchive, reopen: Reopen, folder: Path) -> None:
    run = kept(archive)
    (folder / f"{run.id}.jsonl.gz").unlink()
    again = reopen()
    assert listed(again) == []
    with pytest.raises(RunNotFoundError):
        again.get(run.id)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def change(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-40] ^= 0xFF
    path.write_bytes(content)


def replace_by_another_run(path: Path) -> None:
    path.write_bytes(gzip.compress(b"".join(to_jsonl(end(live_run())))))


@pytest.mark.parametrize("damage", [cut, change, replace_by_another_run, lambda path: path.write_bytes(b"")])
def test_a_damaged_file_hides_itself_and_nothing_else(
    archive: RunArchive, reopen: Reopen, folder: Path, damage: Any
) -> None:
    run, other = kept(archive, "damaged"), kept(archive, "whole")
    damage(folder / f"{run.id}.jsonl.gz")
    again = reopen()
    with pytest.raises(RunUnreadableError):
        again.get(run.id)
    again.flush()
    assert listed(again) == ["whole"]
    assert again.get(other.id).input == {"topic": "whole"}
    with pytest.raises(RunNotFoundError):
        again.get(run.id)


def test_a_damaged_file_that_the_index_does_not_know_is_left_out(
    archive: RunArchive, reopen: Reopen, folder: Path
) -> None:
    run = kept(archive)
    archive.index.forget([run.id])
    (folder / f"{run.id}.jsonl.gz").write_bytes(b"\x1f\x8b")
    assert listed(reopen()) == []


@pytest.mark.parametrize("run_id", ["../weir", "..", "a/b", "", "x" * 100, "folder-id"])
def test_an_odd_id_names_no_file(archive: RunArchive, run_id: str) -> None:
    with pytest.raises(RunNotFoundError):
        archive.get(run_id)


def test_the_oldest_go_first_and_pinned_and_shared_ones_last(archive: RunArchive, reopen: Reopen) -> None:
    runs = [kept(archive, name, created_at=number) for number, name in enumerate(("pinned", "read", "old", "new"))]
    archive.index.set_pinned([ANN], runs[0].id, True)
    get_readable_run(archive, runs[1].id, BEN)
    archive.release_idle()
    one = size_of_one(archive)
    for count, expected in ((3, ["new", "read", "pinned"]), (2, ["read", "pinned"]), (1, ["pinned"])):
        again = reopen(budget=one * count + one // 2)
        assert listed(again) == expected
        with pytest.raises((RunEvictedError, RunNotFoundError)):
            again.get(runs[2].id)


def test_a_run_that_is_larger_than_all_that_is_kept_stays_in_memory(reopen: Reopen) -> None:
    archive = reopen(budget=2_000)
    kept(archive, "small")
    large = kept(archive, os.urandom(4_000).hex())
    assert listed(archive) == ["small"]
    assert archive.get(large.id) is large
    assert [entry.id for entry in archive.unlisted(ALL)] == [large.id]


def full_disk(*_: Any) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize(
    ("number", "sentence"), [(errno.ENOSPC, "The disk is full"), (errno.EROFS, "cannot write to its data folder")]
)
def test_a_disk_that_takes_nothing_costs_a_sentence_and_the_run_is_written_later(
    archive: RunArchive, monkeypatch: pytest.MonkeyPatch, folder: Path, number: int, sentence: str
) -> None:
    def fail(_: int) -> None:
        raise OSError(number, "")

    with monkeypatch.context() as context:
        context.setattr(os, "fsync", fail)
        run = kept(archive)
        assert sentence in archive.problem
        assert archive.get(run.id) is run
        assert [entry.first_token for entry in archive.unlisted(ALL)] == [0.5]
        assert [path.name for path in folder.iterdir()] == ["folder-id"]
    archive.release_idle()
    archive.flush()
    assert archive.problem == ""
    assert listed(archive) == ["rain"]


def test_a_database_that_fails_costs_a_sentence_and_take_back_says_so(
    archive: RunArchive, reopen: Reopen, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = kept(archive)
    with monkeypatch.context() as context:
        context.setattr("weir.storage.database._begin_on_sqlite", full_disk)
        context.setattr(archive.index, "_write", full_disk)
        other = kept(archive, "other")
        assert "The disk is full" in archive.problem
        with pytest.raises(StorageError):
            archive.set_shared(run.id, False)
        assert not run.is_shared
        assert archive.get(other.id) is other
    again = reopen()
    assert sorted(listed(again)) == ["other", "rain"]
    # The mark beside the file holds, although the database does not know of it.
    assert not again.get(run.id).is_shared


def test_a_deleted_run_is_gone_until_it_is_restored(archive: RunArchive, reopen: Reopen) -> None:
    run, bens = kept(archive), kept(archive, owner=BEN)
    assert archive.delete([ANN], [run.id, bens.id]) == [run.id]
    for opened in (archive, reopen()):
        assert listed(opened) == []
        with pytest.raises(RunNotFoundError):
            opened.get(run.id)
    archive.restore([ANN], [run.id])
    assert archive.get(run.id) is run
    assert listed(reopen()) == ["rain"]


def test_without_a_folder_runs_are_listed_as_long_as_memory_has_them() -> None:
    archive = RunArchive(20_000)
    runs = [kept(archive, f"number {number}") for number in range(9)]
    archive.release_idle()
    in_memory = [run.input["topic"] for run in archive.runs()]
    assert len(in_memory) < 9
    assert sorted(listed(archive)) == in_memory
    assert archive.problem == ""
    assert archive.delete([ANN], [runs[-1].id]) == [runs[-1].id]
    archive.restore([ANN], [runs[-1].id])
    assert archive.get(runs[-1].id) is runs[-1]
    archive.close(10)


KILLED = """
import os, sys
from pathlib import Path
from tests.support.archived_runs import end, live_run
from weir.archive.run_archive import RunArchive
from weir.storage.database import database_url
from weir.storage.repository import open_repository

folder, name, is_after = Path(sys.argv[1]), sys.argv[2], sys.argv[3] == "after"

archive = RunArchive(10**7, engine=open_repository(database_url(folder, None)).engine, folder=folder, budget=10**7)
before = live_run("before")
archive.add(before)
end(before)
archive.flush()
function = getattr(os, name)

def dies(*arguments):
    if is_after:
        function(*arguments)
    os._exit(9)

setattr(os, name, dies)
last = live_run("last")
archive.add(last)
end(last)
archive.flush()
"""


@pytest.mark.parametrize(
    ("call", "when", "expected"),
    [
        ("open", "after", ["before"]),
        ("fsync", "before", ["before"]),
        ("replace", "before", ["before"]),
        ("replace", "after", ["before", "last"]),
    ],
)
def test_a_process_that_is_killed_at_any_moment_leaves_whole_runs_only(
    reopen: Reopen, folder: Path, tmp_path: Path, call: str, when: str, expected: list[str]
) -> None:
    command = [sys.executable, "-c", KILLED, str(tmp_path), call, when]
    assert subprocess.run(command, cwd=ROOT, timeout=200, check=False).returncode == 9
    archive = reopen()
    assert sorted(listed(archive)) == expected
    for entry in archive.index.page(ALL):
        assert archive.get(entry.id).status is Status.DONE
        assert entry.owner == ANN
    for path in folder.glob("*.unfinished"):
        os.utime(path, (0, 0))
    reopen()
    assert list(folder.glob("*.unfinished")) == []

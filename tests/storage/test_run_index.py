from collections.abc import Callable

import pytest

from tests.support.archived_runs import ANN, BEN, entry
from weir.storage.repository import ConversationRepository
from weir.storage.run_index import RunIndex
from weir.storage.run_records import RunEntry, RunFilter, RunSort

ALL = RunFilter((ANN,))


@pytest.fixture
def index(repository: ConversationRepository) -> RunIndex:
    return RunIndex(repository.engine, "here", clock=lambda: 5_000.0)


def ids(entries: list[RunEntry]) -> list[str]:
    return [one.id for one in entries]


def test_a_run_is_found_as_it_was_added(index: RunIndex) -> None:
    one = entry("one", cost=0.25, ended_at=2.5, input="Grüße 🌊")
    index.add(one)
    assert index.find("one") == one
    index.add(entry("one", input="again"))
    assert ids(index.page(ALL)) == ["one"]
    assert index.page(ALL)[0].input == "again"


def test_a_list_has_the_runs_of_its_owners_and_its_folder_only(
    index: RunIndex, repository: ConversationRepository
) -> None:
    RunIndex(repository.engine, "elsewhere").add(entry("other folder"))
    index.add(entry("own"))
    index.add(entry("ben's", owner=BEN, chain="secret"))
    assert ids(index.page(ALL)) == ["own"]
    assert index.chains([ANN]) == ["story"]
    assert ids(index.page(RunFilter((ANN, BEN)))) == ["ben's", "own"]
    assert index.find("other folder") is None
    assert index.ids() == {"own", "ben's"}


SAMPLE = (
    entry("a", created_at=1.0, chain="story", status="done", first_token=0.3, search_text="story rain fake"),
    entry("b", created_at=2.0, chain="agent", status="failed", first_token=None, search_text="agent 50% 'quoted'"),
    entry("c", created_at=3.0, chain="story", status="failed", first_token=0.1, search_text="story sun_rain ärger"),
    entry(
        "d", created_at=4.0, chain="json", tokens_in=None, tokens_out=None, is_pinned=True, search_text="json sunxrain"
    ),
)


@pytest.mark.parametrize(
    ("filter_", "expected"),
    [
        (ALL, "dcba"),
        (RunFilter((ANN,), chains=("story", "agent")), "cba"),
        (RunFilter((ANN,), statuses=("failed",)), "cb"),
        (RunFilter((ANN,), text="Story RAIN"), "ca"),
        (RunFilter((ANN,), text="sun_rain"), "c"),
        (RunFilter((ANN,), text="50%"), "b"),
        (RunFilter((ANN,), text="'quoted'"), "b"),
        (RunFilter((ANN,), text="ÄRGER"), "c"),
        (RunFilter((ANN,), since=3.0), "dc"),
        (RunFilter((ANN,), only_pinned=True), "d"),
        (RunFilter((BEN,)), ""),
    ],
)
def test_the_database_and_the_filter_agree_on_what_matches(index: RunIndex, filter_: RunFilter, expected: str) -> None:
    for one in SAMPLE:
        index.add(one)
    assert "".join(ids(index.page(filter_))) == expected
    assert index.count(filter_) == len(expected)
    assert [figures.created_at for figures in index.figures(filter_)] == sorted(
        one.created_at for one in SAMPLE if filter_.matches(one)
    )


@pytest.mark.parametrize(
    ("sort", "ascending", "expected"),
    [
        (RunSort.CREATED_AT, True, "abcd"),
        (RunSort.FIRST_TOKEN, True, "cadb"),
        (RunSort.FIRST_TOKEN, False, "dacb"),
        (RunSort.TOKENS, True, "cbad"),
        (RunSort.CHAIN, True, "bdca"),
        (RunSort.COST, True, "dcba"),
    ],
)
def test_a_list_is_sorted_with_unknown_values_last(
    index: RunIndex, sort: RunSort, ascending: bool, expected: str
) -> None:
    for one in SAMPLE:
        index.add(one)
    assert "".join(ids(index.page(ALL, sort=sort, ascending=ascending))) == expected
    parts = [ids(index.page(ALL, sort=sort, ascending=ascending, limit=3, offset=offset)) for offset in (0, 3)]
    assert "".join(parts[0] + parts[1]) == expected


def test_pages_by_cursor_have_each_run_once_also_of_one_moment(index: RunIndex) -> None:
    for number in range(7):
        index.add(entry(f"run{number}", created_at=number // 3))
    found, last = [], entry("", created_at=1e12)
    while part := index.page_before(ALL, last.created_at, last.id, 2):
        found += ids(part)
        last = part[-1]
    assert found == ["run6", "run3", "run4", "run5", "run0", "run1", "run2"]


def test_a_deletion_is_the_owners_and_can_be_undone(index: RunIndex) -> None:
    index.add(entry("own"))
    index.add(entry("ben's", owner=BEN))
    assert index.delete([ANN], ["own", "ben's", "never was"]) == ["own"]
    assert index.page(ALL) == []
    assert index.find("own") is None
    assert index.find("ben's") is not None
    assert index.deleted_before(5_000.0) == []
    assert index.deleted_before(5_001.0) == ["own"]
    assert index.restore([BEN], ["own"]) == []
    assert index.restore([ANN], ["own"]) == ["own"]
    assert ids(index.page(ALL)) == ["own"]


@pytest.mark.parametrize(
    ("change", "read"),
    [
        (lambda index: index.set_shared("one", False), lambda one: not one.is_shared),
        (lambda index: index.set_read_by_others("one"), lambda one: one.read_by_others),
        (lambda index: index.set_pinned([ANN], "one", True), lambda one: one.is_pinned),
    ],
)
def test_a_change_is_of_one_run(
    index: RunIndex, change: Callable[[RunIndex], None], read: Callable[[RunEntry], bool]
) -> None:
    index.add(entry("one"))
    index.add(entry("two"))
    change(index)
    assert [read(one) for one in index.page(ALL, sort=RunSort.CREATED_AT)] == [True, False]


def test_another_owner_s_run_is_not_pinned(index: RunIndex) -> None:
    index.add(entry("one"))
    index.set_pinned([BEN], "one", True)
    assert index.page(RunFilter((ANN,), only_pinned=True)) == []


def test_what_lists_leave_out_is_removed_first_and_what_is_pinned_last(index: RunIndex) -> None:
    index.add(entry("pinned", created_at=1.0, is_pinned=True))
    index.add(entry("read by others", created_at=2.0, read_by_others=True))
    index.add(entry("taken back", created_at=3.0, read_by_others=True, is_shared=False))
    index.add(entry("plain", created_at=4.0))
    index.add(entry("deleted", created_at=5.0))
    index.add(entry("damaged", created_at=6.0))
    index.delete([ANN], ["deleted"])
    index.set_damaged("damaged")
    expected = ["deleted", "damaged", "taken back", "plain", "read by others", "pinned"]
    assert [run_id for run_id, _ in index.first_to_remove(9)] == expected
    assert index.total_bytes() == 600
    index.forget(expected[:4])
    assert index.total_bytes() == 200

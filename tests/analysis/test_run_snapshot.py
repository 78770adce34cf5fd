"""Snapshot of a run: components that are open where its record ends."""

from weir.analysis.run_snapshot import CUT, RunSnapshot
from weir.analysis.run_tree import NodeStatus
from weir.analysis.waterfall_rows import waterfall
from weir.core.run_event import Component, RunEvent

ROOT, STEP = Component("chain", "r", (), (), {}), Component("step", "s", ("r",), (), {})
EVENTS = [
    RunEvent(0, 0.0, "on_chain_start", ROOT, b"{}"),
    RunEvent(1, 0.1, "on_chain_start", STEP, b"{}"),
    RunEvent(2, 0.2, "on_chain_end", STEP, b"{}"),
]


def test_what_is_open_where_the_record_ends_is_not_at_work() -> None:
    live, whole = RunSnapshot(), RunSnapshot()
    live.advance_to(EVENTS, len(EVENTS))
    whole.read_whole(EVENTS)
    for seen, statuses in ((live, ["running", "done"]), (whole, ["interrupted", "done"])):
        assert seen.root is not None
        assert [row["status"] for row in waterfall(seen.root, 0.2)["rows"]] == statuses
    assert whole.root is not None
    assert (whole.root.status, whole.root.error) == (NodeStatus.INTERRUPTED, CUT)
    assert whole.error_origins == []

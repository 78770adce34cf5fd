"""The doctor, held against chains with one planted fault each, and against sound ones."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.doctor_faults import FAULTS
from tests.support.doctor_parts import Clock
from tests.support.doctor_sound import SOUND
from weir.analysis.finding import Finding, IssueKind
from weir.analysis.graph_diagnosis import run_findings
from weir.analysis.run_tree import run_tree
from weir.runs.background_loop import BackgroundLoop
from weir.runs.recorder import Recorder
from weir.runs.run import Status
from weir.runs.run_store import MemoryStore

UNCOUNTED = ("graph", "step limit", "subgraph", "node that", "writer")
"""Graphs of these are written with LangChain's own fake model, which counts no tokens."""


def found(loop: BackgroundLoop, make: Callable[[Clock], Any], value: Any, name: str) -> list[Finding]:
    clock = Clock()
    run = Recorder(MemoryStore(budget=50_000_000), loop, clock=clock).start(make(clock), value)
    assert run.wait(30)
    assert run.status is Status.DONE, run.failure
    root = run_tree(run.events)
    assert root is not None
    uncounted = any(word in name for word in UNCOUNTED)
    return [one for one in run_findings(root, run.events) if not (uncounted and one.kind is IssueKind.NO_USAGE)]


@pytest.mark.parametrize("name", FAULTS)
def test_the_first_finding_names_the_planted_fault(loop: BackgroundLoop, name: str) -> None:
    make, value, kind, component = FAULTS[name]
    findings = found(loop, make, value, name)
    assert [one.kind for one in findings[:1]] == [kind]
    assert component in findings[0].node.name


@pytest.mark.parametrize("name", SOUND)
def test_a_sound_chain_has_no_finding(loop: BackgroundLoop, name: str) -> None:
    assert [(one.kind.message, one.evidence) for one in found(loop, *SOUND[name], name)] == []

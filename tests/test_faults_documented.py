from pathlib import Path

from tests.support.faults import FAULTS, table
from weir.runs.failure_sentences import FailureKind

DOCUMENT = Path(__file__).parents[1] / "docs" / "faults.md"

ELSEWHERE = {
    FailureKind.UNUSABLE: "tests/chains/test_smart_router.py and the JSON page: an answer of the wrong form",
    FailureKind.RECORD_FULL: "tests/llm/test_model_faults.py: an answer that outgrows the record",
    FailureKind.SERVER_GONE: "tests/replicas/test_dead_replicas.py: a replica that is killed, or stops for a while",
    FailureKind.INTERNAL: "tests/runs/test_recorder.py: a chain that raises an error",
}
"""Kinds that no fault of a server leads to, and the tests that show them."""


def test_documented_faults_are_those_that_are_tested() -> None:
    assert table() in DOCUMENT.read_text(encoding="utf-8"), "python -m tests.support.faults prints the table"


def test_every_kind_of_failure_is_tested() -> None:
    assert {fault.kind for fault in FAULTS if fault.kind} | set(ELSEWHERE) == set(FailureKind)

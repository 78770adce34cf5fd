"""Programs that send runs of their own, on a clock that a test moves."""

from collections.abc import Iterator

import pytest

from tests.support.clock import Clock
from weir.archive.run_archive import RunArchive
from weir.core.redaction import Redactor
from weir.runs.attached_programs import AttachedPrograms


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def archive() -> Iterator[RunArchive]:
    archive = RunArchive(1_000_000)
    yield archive
    archive.close(10)


@pytest.fixture
def programs(archive: RunArchive, clock: Clock) -> AttachedPrograms:
    return AttachedPrograms(archive, redactor=Redactor(["a-secret-of-weirs"]), clock=clock)

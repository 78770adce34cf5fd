"""A sample of the recordings that `python -m tests.fuzz_recordings` checks by the thousand."""

from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pages.components.session.recordings import SAMPLES
from tests.fuzz_recordings import check, compute, main, make_recording
from weir.runs import recording_file
from weir.runs.recording_lines import RecordingError


@pytest.mark.slow
@given(st.randoms(use_true_random=False))
@settings(max_examples=80, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_a_faulty_recording_is_refused_with_a_sentence_or_can_be_computed(random: Random) -> None:
    refusal = check(make_recording(random))
    assert refusal is None or refusal.endswith(".")


@pytest.mark.slow
def test_about_half_of_the_faulty_recordings_open() -> None:
    opened = 0
    for seed in range(60):
        try:
            recording_file.from_jsonl(make_recording(Random(seed)))
        except RecordingError:
            continue
        opened += 1
    assert 15 <= opened <= 55


def test_the_recordings_that_come_with_weir_can_be_computed() -> None:
    for path in SAMPLES.glob("*.jsonl"):
        run = recording_file.from_jsonl(path.read_bytes())
        assert run.events
        compute(run)


def test_the_command_prints_its_figures(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--count", "3", "--seed", "7"]) == 0
    assert capsys.readouterr().out.startswith("3 recordings in ")

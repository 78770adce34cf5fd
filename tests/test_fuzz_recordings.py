"""A part of what `python -m tests.fuzz_recordings` does by the thousand."""

from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pages.components.session.recordings import SAMPLES
from tests.fuzz_recordings import check, compute, made, main
from weir.runs import recording_file
from weir.runs.recording_codec import RecordingError


@pytest.mark.slow
@given(st.randoms(use_true_random=False))
@settings(max_examples=80, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_a_recording_with_faults_is_refused_with_a_sentence_or_all_of_it_can_be_computed(random: Random) -> None:
    refused = check(made(random))
    assert refused is None or refused.endswith(".")


@pytest.mark.slow
def test_half_of_the_recordings_that_are_made_open() -> None:
    opened = 0
    for seed in range(60):
        try:
            recording_file.from_jsonl(made(Random(seed)))
        except RecordingError:
            continue
        opened += 1
    assert 15 <= opened <= 55


def test_all_of_the_recordings_that_come_with_weir_can_be_computed() -> None:
    for path in SAMPLES.glob("*.jsonl"):
        run = recording_file.from_jsonl(path.read_bytes())
        assert run.events
        compute(run)


def test_the_figures_of_a_run_by_hand(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--count", "3", "--seed", "7"]) == 0
    assert capsys.readouterr().out.startswith("3 recordings in ")

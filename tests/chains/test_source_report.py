from pathlib import Path

import numpy as np
import pytest

from chains.classifier.examples import Example
from chains.classifier.local_classifier import LocalDecision
from chains.classifier.source_report import Judged, calibration_error, load_sources, source_report


def test_a_file_of_sources_is_read_with_what_its_lines_cannot_hold(tmp_path: Path) -> None:
    path = tmp_path / "some.tsv"
    path.write_text("math\tid_book\tBerapa\\n2 + 2?\ncode\tmt_talk\tsort \\\\n\tand\\tnow?\n", encoding="utf-8")
    assert load_sources(path) == [
        ("id_book", Example("Berapa\n2 + 2?", "math", "id")),
        ("mt_talk", Example("and\tnow?", "code", "en", (("human", "sort \\n"),))),
    ]


@pytest.mark.parametrize("line", ["math\tbook", "poem\tbook\tWhy?", "math\tbook\ta\tb\tc"])
def test_a_line_of_another_form_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "some.tsv"
    path.write_text(line, encoding="utf-8")
    with pytest.raises(ValueError, match=r"some.tsv:1 is not"):
        load_sources(path)


def judged(source: str, right: bool, question: str = "Why?") -> Judged:
    probabilities = {"math": 0.1, "code": 0.1, "general": 0.8}
    decision = LocalDecision("general", probabilities, False, "", 0.001)  # type: ignore[arg-type]
    return Judged(source, Example(question, "general" if right else "math", "en"), decision)


def test_a_report_counts_by_source_and_shows_the_longest_misses() -> None:
    text = source_report("some", [judged("a", True), judged("b", True), judged("b", False, "Why " * 20 + "now?")])
    assert "66.7% of 3 questions right, 75.0% as the mean of 2 sources" in text
    assert "100.0% a" in text
    assert " 50.0% b" in text
    assert "b, 84 characters: math -> general (0.80)" in text


def test_the_calibration_error_is_the_distance_of_certainty_and_accuracy() -> None:
    probabilities = np.array([[0.8, 0.1, 0.1]] * 4)
    assert calibration_error(probabilities, np.array([0, 0, 1, 1])) == pytest.approx(0.3)

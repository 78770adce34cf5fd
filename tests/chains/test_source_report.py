from pathlib import Path

import numpy as np
import pytest

from chains.classifier.examples import Example
from chains.classifier.labelled_file import load_sources
from chains.classifier.local_classifier import LocalDecision
from chains.classifier.source_report import Judged, calibration_error, confidence_interval, source_report


def test_a_file_of_sources_is_read_with_what_its_lines_cannot_hold(tmp_path: Path) -> None:
    path = tmp_path / "some.tsv"
    text = "math\tid_book\tBerapa\\n2 + 2?\ncode\tmt_talk\tsort \\\\n\tand\\tnow?\n\ngeneral\tWhy?\n"
    path.write_text(text, encoding="utf-8-sig", newline="\r\n")
    assert load_sources(path) == [
        ("id_book", Example("Berapa\n2 + 2?", "math", "id")),
        ("mt_talk", Example("and\tnow?", "code", "en", (("human", "sort \\n"),))),
        ("", Example("Why?", "general", "en")),
    ]


@pytest.mark.parametrize("line", ["math\tbook\t ", "poem\tbook\tWhy?", "math", "math\tbook\ta\tb\tc"])
def test_a_line_of_another_form_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "some.tsv"
    path.write_text(line, encoding="utf-8")
    with pytest.raises(ValueError, match=r"some.tsv:1 is not"):
        load_sources(path)


def judged(source: str, right: bool, question: str = "Why?") -> Judged:
    probabilities = {"math": 0.1, "code": 0.1, "general": 0.8}
    decision = LocalDecision("general", probabilities, False, "", 0.001)
    return Judged(source, Example(question, "general" if right else "math", "en"), decision)


def test_a_report_counts_by_source_and_shows_the_longest_misses() -> None:
    text = source_report("some", [judged("a", True), judged("b", True), judged("b", False, "Why " * 20 + "now?")])
    assert "66.7% of 3 questions right (95 % interval 20.8% to 93.9%), 75.0% as the mean of 2 sources" in text
    assert "100.0% a" in text
    assert " 50.0% b" in text
    assert "b, 84 characters: math -> general (0.80)" in text


def test_the_calibration_error_is_the_distance_of_certainty_and_accuracy() -> None:
    probabilities = np.array([[0.8, 0.1, 0.1]] * 4)
    assert calibration_error(probabilities, np.array([0, 0, 1, 1])) == pytest.approx(0.3)


@pytest.mark.parametrize(
    ("right", "total", "interval"), [(10, 10, (0.7225, 1.0)), (0, 10, (0.0, 0.2775)), (81, 263, (0.2553, 0.3662))]
)
def test_the_confidence_interval_is_wilsons(right: int, total: int, interval: tuple[float, float]) -> None:
    # 81 of 263: Newcombe, 1998, Statistics in Medicine 17:857-872, table I, method 3.
    assert confidence_interval(right, total) == pytest.approx(interval, abs=0.0001)

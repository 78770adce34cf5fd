"""Display cost and figures of a story, without a page."""

from pages.components.layout.formatting import bytes_of
from pages.components.story.metrics_view import (
    NEWEST_CHUNKS,
    SPARKLINE_POINTS,
    milliseconds,
    newest_lines,
    progress_text,
    sparkline,
)
from pages.components.story.streaming_display import TEXT_BYTES, DisplayCost
from weir.analysis.progress import Progress, RunPhase
from weir.analysis.text_chunks import TextChunk


def test_display_cost_of_an_update_is_the_whole_element() -> None:
    cost = DisplayCost()
    cost.on_sent("Once", 1.0)
    cost.on_sent(" upon", 2.0)
    assert (cost.updates, cost.sent) == (2, 4 + 9 + 2 * TEXT_BYTES)


def test_display_cost_counts_the_last_update_of_a_flush_only() -> None:
    cost = DisplayCost()
    for number in range(4):
        cost.on_sent("a", 1.0 + number / 1_000)
    cost.finished(2.0)
    assert cost.updates == 3
    assert cost.sent == 1 + 4 + 4 + 3 * TEXT_BYTES


def test_display_cost_does_not_count_a_finished_element_again() -> None:
    cost = DisplayCost()
    cost.on_sent("a" * 1_000, 1.0)
    cost.finished(2.0)
    before = cost.sent
    cost.on_sent("b", 3.0)
    assert cost.sent - before == 1 + TEXT_BYTES


def test_display_cost_counts_utf_8_bytes() -> None:
    cost = DisplayCost()
    cost.on_sent("ü", 1.0)
    assert cost.sent == 2 + TEXT_BYTES


def test_display_cost_has_mean_and_longest_wait() -> None:
    cost = DisplayCost()
    assert cost.mean_lag == 0
    cost.on_wait(0.1)
    cost.on_wait(0.3)
    assert (cost.mean_lag, cost.max_wait) == (0.2, 0.3)


def test_milliseconds_and_bytes_are_formatted_for_people() -> None:
    assert [milliseconds(0.0081), milliseconds(1.25)] == ["8 ms", "1.25 s"]
    assert [bytes_of(812), bytes_of(31_000), bytes_of(2_400_000)] == ["812 B", "31 kB", "2.4 MB"]


def test_progress_text_has_the_phase_and_marks_estimates() -> None:
    assert progress_text(RunPhase.READING, Progress(0, 400, 800, None), 2.0) == "Reading the prompt · 2 s"
    text = progress_text(RunPhase.WRITING, Progress(100, 400, 800, 50.0), 2.0)
    assert text == "Writing · ~100 of about 400 tokens · ~6 s left, 14 s at most"
    over = progress_text(RunPhase.WRITING, Progress(500, 400, 800, 50.0), 2.0)
    assert over == "Writing · ~500 of about 400 tokens · longer than expected, 6 s at most"


def test_a_sparkline_has_a_bound_and_keeps_the_longest_gaps() -> None:
    points = sparkline([0.01] * 500 + [0.9] + [0.01] * 500)
    assert len(points) == SPARKLINE_POINTS
    assert max(points) == 900
    assert sparkline([0.01, 0.02]) == [10.0, 20.0]


def test_the_newest_chunks_take_as_many_lines_from_the_first_on() -> None:
    none, one = newest_lines([]), newest_lines([TextChunk(0, "Once", 0.5, None)])
    assert len(none.split("\n")) == len(one.split("\n")) == NEWEST_CHUNKS
    assert one.split("\n")[0].endswith("  Chunk 0: 'Once'")
    long = newest_lines([TextChunk(7, "x" * 200, 1.0, 0.025)])
    assert long.split("\n")[0].endswith("…")
    assert "1.000 s" in long
    assert "+25.0 ms" in long

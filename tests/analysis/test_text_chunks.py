import pytest

from tests.support.timed_runs import stream_events
from weir.analysis.text_chunks import chunk_label, show_whitespace, text_chunks


def test_text_chunks_have_number_arrival_and_gap() -> None:
    first, second = text_chunks(stream_events((0.5, "Once"), (0.6, ""), (0.75, " upon\n")))
    assert (first.number, first.text, first.elapsed, first.gap) == (0, "Once", 0.5, None)
    assert (second.number, second.elapsed) == (1, 0.75)
    assert second.gap == pytest.approx(0.25)
    assert list(text_chunks(stream_events((0.75, " upon\n")), after=first)) == [second]
    assert chunk_label(second) == "Chunk 1: '␣upon⏎'"


def test_show_whitespace_replaces_spaces_and_line_ends() -> None:
    assert show_whitespace(" a\tb\n") == "␣a⇥b⏎"

"""Streaming writer: its pauses, and the pieces that it makes of a text."""

from collections.abc import Callable, Iterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pages.components.answer.display_markdown import to_display_markdown
from pages.components.answer.text_stream import MAX_PAUSE_SECONDS, MIN_PAUSE_SECONDS, BlockWriter, flush, pause_after
from pages.components.story.streaming_display import (
    MAX_WHOLE_TEXT_CHARS,
    CountedBlockWriter,
    DisplayCost,
    WholeTextWriter,
)
from weir.text.markdown_blocks import split

WRITERS: list[Callable[[], BlockWriter]] = [
    BlockWriter,
    lambda: CountedBlockWriter(DisplayCost()),
    lambda: WholeTextWriter(DisplayCost()),
]
PARAGRAPH = "rain " * 100 + "\n\n"


def test_pause_grows_with_the_update_up_to_a_maximum() -> None:
    update_seconds = [0.0, 0.001, 0.01, 0.03, 10.0]
    assert [pause_after(seconds) for seconds in update_seconds] == pytest.approx(
        [MIN_PAUSE_SECONDS, MIN_PAUSE_SECONDS, 0.09, 0.27, MAX_PAUSE_SECONDS]
    )


def elements(writer: BlockWriter, parts: Sequence[str]) -> list[str]:
    """Return the Markdown of each element that `st.write_stream` makes of a text, with a look at its tail each time."""

    def pieces() -> Iterator[object]:
        for part in parts:
            yield from writer.add(part)
            if writer.hidden > 0:
                yield from writer.show_tail()
        yield from writer.finish()

    texts = [""]
    for piece in pieces():
        if isinstance(piece, str):
            texts[-1] += piece
        elif piece is flush:
            texts.append("")
    assert writer.text == "".join(parts)
    return [text for text in texts if text]


@pytest.mark.parametrize("make", WRITERS)
@given(
    st.lists(
        st.sampled_from(["a word ", "\n\n", "\n", "`", "```\n", "- item\n", "# head\n", "$5", "![x](u)"]), max_size=30
    )
)
def test_writer_sends_the_text_however_it_is_cut(make: Callable[[], BlockWriter], parts: list[str]) -> None:
    assert "".join(elements(make(), parts)) == to_display_markdown("".join(parts))


@pytest.mark.parametrize("make", WRITERS[:2])
def test_block_writer_makes_the_elements_of_the_finished_text(make: Callable[[], BlockWriter]) -> None:
    parts = [*[PARAGRAPH[:30], PARAGRAPH[30:]] * 20, "The end"]
    assert elements(make(), parts) == split(to_display_markdown("".join(parts)))


def test_whole_text_writer_continues_a_long_text_by_block() -> None:
    many = 2 * MAX_WHOLE_TEXT_CHARS // len(PARAGRAPH)
    assert len(elements(WholeTextWriter(DisplayCost()), [PARAGRAPH] * 10)) == 1
    first, *rest = elements(WholeTextWriter(DisplayCost()), [PARAGRAPH] * many)
    assert MAX_WHOLE_TEXT_CHARS <= len(first) < MAX_WHOLE_TEXT_CHARS + 5 * len(PARAGRAPH)
    assert len(rest) > 5

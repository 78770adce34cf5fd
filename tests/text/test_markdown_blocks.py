import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from weir.text.markdown_blocks import MarkdownBlockSplitter, split

MARKDOWN = st.lists(
    st.sampled_from(["a ", "\n", "\n\n", "```", "~~~", "- item", "1. ", "  indented", "$$", "\\[", "\\]", "# ", "*"]),
    max_size=40,
).map("".join)

MIN_CHARS = st.sampled_from([1, 5, 20])


def feed_in_chunks(text: str, size: int, min_chars: int) -> tuple[list[str], MarkdownBlockSplitter]:
    splitter = MarkdownBlockSplitter(min_chars)
    blocks: list[str] = []
    for start in range(0, len(text), size):
        blocks += splitter.feed(text[start : start + size])
    return blocks, splitter


@given(MARKDOWN, MIN_CHARS)
def test_the_blocks_joined_are_the_text(text: str, min_chars: int) -> None:
    assert "".join(split(text, min_chars)) == text


@given(MARKDOWN, st.integers(1, 7), MIN_CHARS)
def test_the_blocks_do_not_depend_on_how_the_text_is_cut(text: str, size: int, min_chars: int) -> None:
    blocks, splitter = feed_in_chunks(text, size, min_chars)
    assert [*blocks, *([splitter.remainder] if splitter.remainder else [])] == split(text, min_chars)


@given(MARKDOWN, st.integers(1, 20))
@example("a a a \n\n\n\n", 9)
def test_a_block_joins_the_fewest_parts_that_reach_the_minimal_length(text: str, min_chars: int) -> None:
    joined = [""]
    for block in split(text, 1):
        if len(joined[-1]) >= min_chars:
            joined.append("")
        joined[-1] += block
    assert split(text, min_chars) == (joined if text else [])


@given(MARKDOWN, st.integers(1, 7), MIN_CHARS)
def test_the_visible_part_of_a_block_never_shrinks(text: str, size: int, min_chars: int) -> None:
    splitter = MarkdownBlockSplitter(min_chars)
    visible = ""
    for start in range(0, len(text), size):
        for block in splitter.feed(text[start : start + size]):
            assert block.startswith(visible)
            visible = ""
        assert splitter.visible_tail.startswith(visible)
        visible = splitter.visible_tail
    assert splitter.remainder.startswith(visible)


@pytest.mark.parametrize(
    ("text", "blocks"),
    [
        ("one\n\ntwo", ["one\n\n", "two"]),
        ("```py\na\n\nb\n```\n\nend", ["```py\na\n\nb\n```\n\n", "end"]),
        ("````\n```\n\n````\n\nend", ["````\n```\n\n````\n\n", "end"]),
        ("- a\n\n- b\n\nend", ["- a\n\n- b\n\n", "end"]),
        ("1. a\n\n   more\n\nend", ["1. a\n\n   more\n\n", "end"]),
        ("- a\n\n**bold**\n", ["- a\n\n", "**bold**\n"]),
        ("$$\na\n\nb\n$$\n\nend", ["$$\na\n\nb\n$$\n\n", "end"]),
        ("\\[\na\n\nb\n\\]\n\nend", ["\\[\na\n\nb\n\\]\n\n", "end"]),
        ("\n\nlate", ["\n\nlate"]),
        ("```\nnever closed\n\nstill", ["```\nnever closed\n\nstill"]),
        ("", []),
    ],
)
def test_a_block_ends_at_a_blank_line_outside_fences_formulas_and_lists(text: str, blocks: list[str]) -> None:
    assert split(text, 1) == blocks


def test_the_start_of_a_line_that_may_continue_a_list_is_held_back() -> None:
    splitter = MarkdownBlockSplitter(1)
    splitter.feed("- a\n\n12")
    assert splitter.visible_tail == "- a\n\n"
    assert splitter.feed(" monkeys") == ["- a\n\n"]
    assert splitter.visible_tail == "12 monkeys"

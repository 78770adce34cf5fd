import pytest
from hypothesis import given
from hypothesis import strategies as st

from streaming.blocks import BlockSplitter, split

MARKDOWN = st.lists(
    st.sampled_from(["a ", "\n", "\n\n", "```", "~~~", "- item", "1. ", "  indented", "$$", "\\[", "\\]", "# ", "*"]),
    max_size=40,
).map("".join)


def fed_in_pieces(text: str, size: int) -> tuple[list[str], BlockSplitter]:
    splitter = BlockSplitter()
    blocks: list[str] = []
    for start in range(0, len(text), size):
        blocks += splitter.feed(text[start : start + size])
    return blocks, splitter


@given(MARKDOWN)
def test_the_blocks_joined_are_the_text(text: str) -> None:
    assert "".join(split(text)) == text


@given(MARKDOWN, st.integers(1, 7))
def test_the_pieces_a_text_comes_in_do_not_change_its_blocks(text: str, size: int) -> None:
    blocks, splitter = fed_in_pieces(text, size)
    assert [*blocks, *([splitter.rest] if splitter.rest else [])] == split(text)


@given(MARKDOWN, st.integers(1, 7))
def test_what_was_shown_of_a_block_is_never_taken_back(text: str, size: int) -> None:
    splitter = BlockSplitter()
    shown = ""
    for start in range(0, len(text), size):
        for block in splitter.feed(text[start : start + size]):
            assert block.startswith(shown)
            shown = ""
        assert splitter.tail.startswith(shown)
        shown = splitter.tail
    assert splitter.rest.startswith(shown)


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
    assert split(text) == blocks


def test_the_start_of_a_line_that_may_go_on_with_a_list_is_held_back() -> None:
    splitter = BlockSplitter()
    splitter.feed("- a\n\n12")
    assert splitter.tail == "- a\n\n"
    assert splitter.feed(" monkeys") == ["- a\n\n"]
    assert splitter.tail == "12 monkeys"

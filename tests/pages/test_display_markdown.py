import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from pages.components.answer.display_markdown import DisplayMarkdown, to_display_markdown
from pages.components.layout import formatting
from weir.text.invisible_characters import MARK


def test_formulas_images_and_invisible_characters_are_seen_to_at_once() -> None:
    text = "\\(x\\) costs $5: ![a](u)\u202e.\n\nBut `![a](u) $5`.\n```\n![a](u) \\(x\\)\n```\n"
    assert to_display_markdown(text) == (
        f"$x$ costs \\$5: :material/image: [a](u){MARK}.\n\nBut `![a](u) $5`.\n```\n![a](u) \\(x\\)\n```\n"
    )


@given(
    st.lists(
        st.sampled_from(
            ["![", "]", "(u)", "$", "5", "\\(", "\\[", "`", "```", "\n", " ", "\u200b", "&#8238;", "a", "\\"]
        ),
        max_size=30,
    )
)
def test_how_the_text_is_cut_makes_no_difference(pieces: list[str]) -> None:
    whole = DisplayMarkdown()
    assert "".join(map(whole.feed, pieces)) + whole.rest() == to_display_markdown("".join(pieces))


@pytest.mark.parametrize("text", ["a`b", "` ![x](u) `", "a\n\n![x](u)", "", "``", "\u202e"])
def test_inline_code_holds_whatever_it_is_given(text: str) -> None:
    (paragraph,) = [token for token in MarkdownIt().parse(formatting.inline_code(text)) if token.type == "inline"]
    assert [child.type for child in paragraph.children or []] == ["code_inline"]
    assert "\u202e" not in formatting.inline_code(text)


def test_escaped_text_is_shown_as_it_is_but_for_what_cannot_be_seen() -> None:
    assert MarkdownIt().renderInline(formatting.escape_markdown("![x](u) &rlm; `a`")) == "![x](u) &amp;rlm; `a`"
    assert formatting.escape_markdown("a\u202eb") == f"a{MARK}b"

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from tests.support.text_filters import rewrite_latex, sanitize
from weir.text.invisible_characters import MARK
from weir.text.markdown_blocks import split
from weir.text.markdown_sanitizer import IMAGE, LOOKAHEAD, MarkdownSanitizer


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A ![cat](http://a.b/c.png)!", f"A {IMAGE}cat](http://a.b/c.png)!"),
        ("![x](/api/stream?topic=y)", f"{IMAGE}x](/api/stream?topic=y)"),
        ("![cat][1]\n\n[1]: http://a.b", f"{IMAGE}cat][1]\n\n[1]: http://a.b"),
        ("![cat]\n\n[cat]: http://a.b", "\\![cat]\n\n[cat]: http://a.b"),
        ("![a ![b](c)](d)", f"{IMAGE}a {IMAGE}b](c)](d)"),
        ("[![badge](i)](d)", f"[{IMAGE}badge](i)](d)"),
        ("![" + "x" * LOOKAHEAD + "](u)", "\\![" + "x" * LOOKAHEAD + "](u)"),
        ("\\![x](u) and \\\\![x](u)", f"\\![x](u) and \\\\{IMAGE}x](u)"),
        ("vec![1] and a![", "vec\\![1] and a\\!["),
        ("` ![x](u)", f"` {IMAGE}x](u)"),
        ("    ```\n![x](u)", f"    ```\n{IMAGE}x](u)"),
        ("<div>\n```\n\n![x](u)", f"<div>\n```\n\n{IMAGE}x](u)"),
        ("$$\n```\n$$\n![x](u)", f"$$\n```\n$$\n{IMAGE}x](u)"),
        ("- a\n  ```\n![x](u)", f"- a\n  ```\n{IMAGE}x](u)"),
        ("[a](`) ![x](u) `", f"[a](`) {IMAGE}x](u) `"),
        ("| ` | ![x](u) | ` |", f"| ` | {IMAGE}x](u) | ` |"),
    ],
)
def test_an_image_is_a_link_or_text(text: str, expected: str) -> None:
    assert sanitize(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "Write `![alt](url)` or ``![`alt`](url)``.",
        "See [this](http://a.b/c), or write `![alt](url)`.",
        "```rust\nvec![1](2); // ![x](u)\n```\n",
        "~~~\n![x](u)\n~~~\n",
        "````md\n```\n![x](u)\n```\n````\n",
        "1. Do\n   ```rust\n   vec![1](2)\n   ```\n2. Do\n\n   ```rust\n   vec![1](2)\n   ```\n",
        "- a\n  - b\n    ```js\n    if (![1](2)) {}\n    ```\n",
        "If a < b:\n```py\n![x](u)\n```\n",
        "$$\nx\n$$\n\n```\n![x](u)\n```\n",
        "`&#x202e;` &amp; &copy; &nothing;",
    ],
)
def test_code_and_what_is_no_image_stay_as_they_are(text: str) -> None:
    assert sanitize(text) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("```mermaid\ngraph TD\n```", "```text mermaid\ngraph TD\n```"),
        ("> ~~~ Mermaid\n", "> ~~~text  Mermaid\n"),
        ("- ```m&#101;rmaid\n", "- ```text m&#101;rmaid\n"),
        ("```mer\\-maid\n```", "```mer\\-maid\n```"),
    ],
)
def test_a_diagram_is_shown_as_its_source(text: str, expected: str) -> None:
    assert sanitize(text) == expected


@pytest.mark.parametrize("entity", ["&#x202e;", "&#8238;", "&rlm;", "&ZeroWidthSpace;", "&zwnj;", "&#xE0041;"])
def test_an_entity_of_an_invisible_character_becomes_the_mark(entity: str) -> None:
    assert sanitize(f"a{entity}b `{entity}`") == f"a{MARK}b `{entity}`"


CHUNKS = st.lists(
    st.sampled_from(
        [
            *(
                "![x](u)",
                "![x][r]",
                "![x]",
                "\n[r]: u\n",
                "!",
                "[",
                "]",
                "](",
                "(",
                ")",
                "u)",
                "\\",
                "&#33;",
                ":red[",
                '{a="',
            ),
            *("`", "``", "```", "~~~", "mermaid", "|", "|-|-|", "\n---\n", "# ", "$", "$$"),
            *("\n", "\n\n", " ", "   ", "    ", "\t", "- ", "- a\n  ", "1. ", "2. ", "10. ", "> ", "a", "foo"),
            *('<b c="', '">', "<div>", "</div>", "<!--", "-->", "<pre>", "</pre>", "* * *"),
        ]
    ),
    max_size=24,
)


def unsafe_tokens(tokens: list[Token]) -> list[str]:
    """Return the types of tokens that would load an image or draw a diagram."""
    unsafe = [token.type for token in tokens if token.type == "image" or "mermaid" in token.info.split(" ")[:1]]
    return unsafe + [inner for token in tokens if token.children for inner in unsafe_tokens(token.children)]


@settings(max_examples=1_000, deadline=None)
@given(CHUNKS)
def test_a_markdown_parser_finds_no_image_in_sanitized_text(chunks: list[str]) -> None:
    parser = MarkdownIt("commonmark").enable("table")
    text = "".join(chunks)
    for rendered in (sanitize(text), sanitize(rewrite_latex(text))):
        for part in (rendered, *split(rendered)):
            assert unsafe_tokens(parser.parse(part)) == []


@given(CHUNKS)
def test_the_result_does_not_depend_on_how_the_text_is_cut(chunks: list[str]) -> None:
    sanitizer = MarkdownSanitizer()
    assert "".join(map(sanitizer.feed, chunks)) + sanitizer.flush() == sanitize("".join(chunks))


@given(st.text(alphabet="ab \n#*-_`~<>$]{|\\()!.&;", max_size=60))
def test_text_without_images_stays_as_it_is(text: str) -> None:
    assert sanitize(text) == text

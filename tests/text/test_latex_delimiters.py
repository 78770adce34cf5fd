import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.pumping import cpu_seconds
from tests.support.text_filters import rewrite_latex
from weir.text.latex_delimiters import LatexDelimiterRewriter


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (r"So \(a+b\) and", "So $a+b$ and"),
        ("\\[\nx^2\n\\]\n", "$$\nx^2\n$$\n"),
        ("It costs $5 and $10.", r"It costs \$5 and \$10."),
        ("US$ and $.", r"US\$ and \$."),
        ("$x+1$ and $y$.", "$x+1$ and $y$."),
        ("$$\nx\n$$", "$$\nx\n$$"),
        ("`\\(x\\)` and $5", "`\\(x\\)` and \\$5"),
        ("```sh\necho $5 \\(\n```\n\\(x\\)", "```sh\necho $5 \\(\n```\n$x$"),
        ("~~~\n$5\n~~~\n$5", "~~~\n$5\n~~~\n\\$5"),
        ("``a ` $5`` $5", "``a ` $5`` \\$5"),
        (r"already \$5 and C:\dir", r"already \$5 and C:\dir"),
        ("end \\", "end \\"),
        ("end $", "end \\$"),
    ],
)
def test_formulas_are_between_dollar_signs_and_money_is_none(text: str, expected: str) -> None:
    assert rewrite_latex(text) == expected


CHUNKS = st.lists(
    st.sampled_from(["\\", "(", ")", "[", "]", "$", "`", "```", "~~~", "\n", " ", "5", "x", "."]), max_size=30
)


@given(CHUNKS)
def test_the_result_does_not_depend_on_how_the_text_is_cut(chunks: list[str]) -> None:
    rewriter = LatexDelimiterRewriter()
    assert "".join(map(rewriter.feed, chunks)) + rewriter.flush() == rewrite_latex("".join(chunks))


@given(st.text(alphabet="ab \n#*-_", max_size=50))
def test_text_without_formulas_stays_as_it_is(text: str) -> None:
    assert rewrite_latex(text) == text


@pytest.mark.parametrize("mark", ["~", "`", "$", "\\", "`~$"])
@pytest.mark.parametrize("end", ["", " an underline\n"])
def test_a_long_row_of_marks_costs_what_other_text_costs(mark: str, end: str) -> None:
    row = mark * (100_000 // len(mark))
    assert cpu_seconds(lambda: rewrite_latex(f"Title\n{row}{end}"), 3) < 0.5


@given(st.lists(st.sampled_from(["~" * 30, "`" * 30, "$" * 30, "\\" * 30, "a", " ", "\n"]), max_size=8))
def test_rows_of_marks_are_cut_anywhere_without_a_difference(chunks: list[str]) -> None:
    rewriter = LatexDelimiterRewriter()
    text = "".join(chunks)
    assert "".join(map(rewriter.feed, text)) + rewriter.flush() == rewrite_latex(text)

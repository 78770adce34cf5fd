import pytest

from chains.classifier.instruction import parts_of

STORY = (
    "The lamp went out at nine. Nobody spoke. The ship had left, and the harbour was empty. It was cold that night. "
)


def test_a_short_text_is_all_instruction() -> None:
    parts = parts_of("What is the derivative of x^2?")
    assert (parts.instruction, parts.rest.strip()) == ("What is the derivative of x^2?", "")


@pytest.mark.parametrize(
    "text", [f"Translate this into French. {STORY * 4}", f"{STORY * 4} Translate this into French."]
)
def test_the_instruction_of_a_long_text_is_found_before_and_after_it(text: str) -> None:
    parts = parts_of(text)
    assert "Translate this into French." in parts.instruction
    assert len(parts.instruction) < len(parts.rest)


def test_the_question_at_the_end_of_a_story_is_its_instruction() -> None:
    assert "How many lamps are left?" in parts_of(f"{STORY * 3}How many lamps are left?").instruction


@pytest.mark.parametrize(
    "aside",
    [
        '"def f(x): return x, and some more of what was said"',
        "```\nfor i in range(3): print(i)\n```",
        "\n>>> f(3)",
        "\nA. a compiler\nB. a poem",
        " A. a compiler B. a poem C. a song",
    ],
)
def test_quotations_code_and_options_are_not_the_instruction(aside: str) -> None:
    parts = parts_of(f"What is this? {aside}")
    assert parts.instruction.strip() == "What is this?"
    assert aside.strip()[3:12] in parts.rest


def test_options_are_known_in_a_line_and_on_lines() -> None:
    assert parts_of("Which? A. one B. two").has_options
    assert parts_of("Which?\nA. one\nB. two\nC. three").has_options
    assert not parts_of("Which of them?").has_options


@pytest.mark.parametrize("text", ["", "?!", '"nothing but a long quotation stands in here"', "x" * 5_000])
def test_any_text_has_parts_and_loses_no_letter(text: str) -> None:
    parts = parts_of(text)
    both = parts.instruction + parts.rest
    assert sum(map(str.isalnum, both)) == sum(map(str.isalnum, text))

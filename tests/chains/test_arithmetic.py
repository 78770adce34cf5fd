import pytest

from chains.arithmetic import evaluate, find_calculation


@pytest.mark.parametrize(
    ("question", "expression", "result"),
    [
        ("What is 25 × 17?", "25 × 17", "425"),
        ("What is 25 * 17?", "25 × 17", "425"),
        ("what is 25x17", "25 × 17", "425"),
        ("Berapa 25 kali 17?", "25 × 17", "425"),
        ("144 / 12", "144 ÷ 12", "12"),
        ("7-3", "7 − 3", "4"),
        ("What is 12 + 30 * 2?", "12 + 30 × 2", "72"),
        ("2 * (3 + 4) * 5 - 6/4 = ?", "2 × (3 + 4) × 5 − 6 ÷ 4", "68.5"),
        ("(what is 3 + 4)", "3 + 4", "7"),
        ("What is -3 + 2?", "−3 + 2", "−1"),
        ("5 - -3", "5 − −3", "8"),
        ("What's 15% of 80?", "15% of 80", "12"),
        ("What is 20 percent of 50?", "20% of 50", "10"),
        ("2**10 = ?", "2^10", "1024"),
        ("What is 81 divided by 9?", "81 ÷ 9", "9"),
        ("1,250 * 3.5", "1,250 × 3.5", "4375"),
        ("What is 0.1 + 0.2?", "0.1 + 0.2", "0.3"),
        ("1/3 + 1/6", "1 ÷ 3 + 1 ÷ 6", "0.5"),
        ("2/3", "2 ÷ 3", "2/3 ≈ 0.666667"),
        ("123456789012345678901234567890 + 1", "123456789012345678901234567890 + 1", "123456789012345678901234567891"),
        ("Tom has 3 + 4 apples. How many?", "3 + 4", "7"),
        ("Is 25 * 17 = 425?", "25 × 17", "425"),
    ],
)
def test_an_expression_is_found_and_worked_out_exactly(question: str, expression: str, result: str) -> None:
    found = find_calculation(question)
    assert found is not None
    assert (found.expression, found.result) == (expression, result)
    shown = find_calculation(found.expression)
    assert shown is not None
    assert shown.result == result


@pytest.mark.parametrize(
    "question",
    [
        "What happened on 2024-11-28?", "2024-11-28", "28/11/2024", "11/28/24", "Add 30 days: 2024-11-28 + 30",
        "What is 1.2.3 + 4?", "v1.2-3", "Python 3.11+", "C++17", "UTC+2", "Is 10.0.0.1/8 a network?",
        "555-1234", "Call 555-1234", "+62 812-3456-789", "ISBN 978-3-16-148410-0", "What is 10:30 - 11:00?",
        "24/7", "9/11", "won 3-1", "pages 10-20", "The war 1914 - 1918", "1920x1080 screen", "a 3 × 3 matrix",
        "2x + 3 = 7", "x + 3 + 4", "3 + 4 y", "3 + 4y", "y - 3 + 2", "sqrt(3 + 4)", "f(2 + 3)", "5! + 3", "3 + 5!",
        "3^5 mod 7", "log 3 + 4", "half of 3 + 4", "square root of 16 + 9", "1 + 2 + 3 + … + n", "10 % 3",
        "007 + 1", "3,5 + 2", "$5 + $3", "3 km + 200 m", "+ 3", "3 +", "1 2", "", "Why is the sky blue?",
        "__import__('os') + 1", "'a' * 3", "(1).real + 2", "10 + 5% of 20",
    ],
)  # fmt: skip
def test_what_is_not_certainly_arithmetic_is_left_alone(question: str) -> None:
    assert find_calculation(question) is None


@pytest.mark.parametrize(
    "question", ["9^9^9", "9**999999999", "10^50 * 10^20", "1/0", "0^-1", "2^0.5", "1" * 31 + " + 1"]
)
def test_what_is_too_large_or_has_no_exact_result_is_left_alone(question: str) -> None:
    assert find_calculation(question) is None


def test_a_question_that_is_all_operators_or_parentheses_is_left_alone() -> None:
    assert find_calculation("(" * 400 + "1 + 1" + ")" * 400) is None
    assert find_calculation("1" + " + 1" * 200) is None
    assert find_calculation("1 + 1 " * 200) is None


def test_only_a_question_without_other_words_is_arithmetic_as_a_whole() -> None:
    asked = [
        "What is 25 × 17?",
        "Hitung 25 × 17",
        "A field is 25 × 17 metres. How large is it?",
        "What is 1 + 1? And 2?",
    ]
    found = [find_calculation(question) for question in asked]
    assert [one.is_whole_question for one in found if one] == [True, True, False, False]


@pytest.mark.parametrize("expression", ["open", "a.b", "[1]", "1 if 1 else 2", "1 < 2", "1 // 2", "f'{1}'", "x := 1"])
def test_the_evaluator_knows_numbers_and_five_operators_only(expression: str) -> None:
    assert evaluate(expression) is None

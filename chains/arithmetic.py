"""Arithmetic in a question: finds one expression in the text, and works it out exactly.

Only what is certainly arithmetic is taken. `2024-11-28`, `1.2.3`, `555-1234` and `10:30 - 11:00` have the signs of
arithmetic and are none, and a wrong number in an answer is worse than none.
"""

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from operator import add, mul, neg, sub, truediv
from typing import Any

from simpleeval import InvalidExpression, SimpleEval

MAX_QUESTION = 1_000
"""Characters of a question that is searched."""
MAX_NUMBER = 30
"""Characters of one number."""
MAX_OPERATORS = 30
MAX_PARENTHESES = 20
MAX_POWER_BITS = 2_048
"""Size of a power: 9^9^9 is not worked out."""
PHONE_DIGITS = 9
"""Digits, in groups between hyphens, that are a telephone number or an ISBN."""
MAX_DIGITS = 60
"""Of a result."""
DECIMALS = 12
"""A result with more decimals is given as a fraction and rounded."""

_TOKEN = re.compile(r"\d[\d.,]*|[^\W\d_]+|\S")
_NUMBER = re.compile(r"(?:0|[1-9]\d*|[1-9]\d{0,2}(?:,\d{3})+)(?:\.\d+)?")
_DATE = re.compile(r"\d{4}[-/]\d{1,2}[-/]\d{1,2}|\d{1,2}[-/]\d{1,2}[-/]\d{2}(?:\d\d)?|\d{3}-\d{4}|24/7|9/11")

_OPERATORS = {
    "+": "+", "plus": "+", "tambah": "+", "ditambah": "+",
    "-": "-", "−": "-", "minus": "-", "kurang": "-", "dikurangi": "-",
    "*": "*", "×": "*", "·": "*", "times": "*", "kali": "*", "dikali": "*", "x": "*",
    "/": "/", "÷": "/", "bagi": "/", "dibagi": "/",
    "^": "**", "**": "**",
}  # fmt: skip
_WORD_PAIRS = {("multiplied", "by"): "*", ("divided", "by"): "/", ("percent", "of"): "%"}
_SHOWN = {"+": " + ", "-": " − ", "*": " × ", "/": " ÷ ", "**": "^", "%": "% of ", "(": "(", ")": ")"}
_WEAK = frozenset({"-", "−", "/", "x"})
"""Signs of dates, ranges, scores, fractions and sizes too: alone they count only where they are the whole question."""

_ASKING_WORDS = (
    "what whats s is are calculate compute evaluate how much solve work out find the result value of please can could "
    "you tell me equals equal answer to berapa berapakah hasil dari hitung hitunglah tolong adalah"
)
_WORDS_BEFORE = "sqrt root log ln sin cos tan mod modulo abs factorial base choose half"
_WORDS_AFTER = (
    "mod modulo choose base percent squared cubed matrix matrices grid board array table identity determinant"
)
_ASKING, _BEFORE, _AFTER = (frozenset(words.split()) for words in (_ASKING_WORDS, _WORDS_BEFORE, _WORDS_AFTER))
_OPENING, _CLOSING = frozenset("\"'“‘«(:=,;`"), frozenset("\"'”’»)?.,;:=`")
_TOTALS = frozenset(("sum", "product", "value", "result", "difference", "quotient", "hasil"))


@dataclass(frozen=True, slots=True)
class Calculation:
    """An expression of a question and its exact result."""

    expression: str
    """As people read it: `12 + 30 × 2`."""
    result: str
    is_whole_question: bool
    """Whether the question asks for nothing else."""


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    sign: str
    """The operator or parenthesis in Python's form, `n` for a number, "" for anything else."""
    start: int
    end: int


def find_calculation(question: str) -> Calculation | None:
    """Return the first arithmetic expression of a question, worked out; None if there is none that is certain."""
    if len(question) > MAX_QUESTION:
        return None
    tokens = _tokens(question)
    start = 0
    while start < len(tokens):
        end = start
        while end < len(tokens) and tokens[end].sign and not (end > start and _is_new_number(tokens, end)):
            end += 1
        if end > start and (found := _calculation(question, tokens, start, end)):
            return found
        start = max(end, start + 1)
    return None


def _tokens(question: str) -> list[_Token]:
    words = [(match[0], match.start(), match.end()) for match in _TOKEN.finditer(question)]
    tokens: list[_Token] = []
    number = 0
    while number < len(words):
        text, start, end = words[number]
        following = words[number + 1] if number + 1 < len(words) else ("", end, end)
        pair = (text.lower(), following[0].lower())
        if text[0].isdecimal():
            text = text.rstrip(".,")
            tokens.append(_Token(text, "n", start, start + len(text)))
        elif pair in _WORD_PAIRS or pair == ("%", "of") or (pair == ("*", "*") and following[1] == end):
            sign = "**" if pair == ("*", "*") else _WORD_PAIRS.get(pair, "%")
            tokens.append(_Token(sign, sign, start, following[2]))
            number += 1
        else:
            sign = text if text in "()" else _OPERATORS.get(text.lower(), "")
            tokens.append(_Token(text.lower(), sign, start, end))
        number += 1
    return tokens


def _is_new_number(tokens: Sequence[_Token], index: int) -> bool:
    return tokens[index].sign == "n" and tokens[index - 1].sign == "n"


def _calculation(question: str, tokens: Sequence[_Token], start: int, end: int) -> Calculation | None:
    """Return the calculation of a run of numbers and operators; None if it is none, or part of something larger."""
    signs = [token.sign for token in tokens[start:end]]
    while signs.count(")") > signs.count("(") and signs[-1] == ")":
        end, signs = end - 1, signs[:-1]
    while signs.count("(") > signs.count(")") and signs[0] == "(":
        start, signs = start + 1, signs[1:]
    run = tokens[start:end]
    operators = [token for token in run if token.sign not in ("n", "(", ")")]
    if not 1 <= len(operators) <= MAX_OPERATORS or signs.count("(") > MAX_PARENTHESES or signs.count("n") < 2:
        return None
    text = question[run[0].start : run[-1].end]
    is_whole = all(token.text in _ASKING for token in (*tokens[:start], *tokens[end:]) if token.text.isalpha())
    is_whole = is_whole and not any(token.sign == "n" for token in (*tokens[:start], *tokens[end:]))
    if all(token.text in _WEAK for token in operators) and not is_whole:
        return None
    if len(operators) > 1 and any(token.sign == "%" for token in operators):
        return None
    if _is_date(text) or not _stands_alone(question, tokens, start, end):
        return None
    expression = _in_python(run)
    result = evaluate(expression) if expression else None
    return None if result is None else Calculation(_shown(run), result, is_whole)


def _is_date(text: str) -> bool:
    """Whether a text has a date, a telephone number or the like, which are written without blanks."""
    parts = [part.strip("()") for part in text.split()]
    groups = [part.split("-") for part in parts]
    return any(_DATE.fullmatch(part) for part in parts) or any(
        len(group) > 2 and sum(map(len, group)) >= PHONE_DIGITS for group in groups
    )


def _stands_alone(question: str, tokens: Sequence[_Token], start: int, end: int) -> bool:
    """Whether the run is no part of a larger formula, word, version or time."""
    first, last = tokens[start], tokens[end - 1]
    if first.sign == "-" and tokens[start + 1].start > first.end:
        return False
    before, after = question[: first.start], question[last.end :]
    if before and not before[-1].isspace() and (before[-1] not in _OPENING or before[-2:-1].isdecimal()):
        return False
    if after and not after[0].isspace() and (after[0] not in _CLOSING or after[1:2].isdecimal()):
        return False
    left = tokens[start - 1] if start else None
    right = tokens[end] if end < len(tokens) else None
    if left and not _may_precede(left, tokens[start - 2].text if start > 1 else ""):
        return False
    return right is None or _may_follow(right)


def _may_precede(left: _Token, earlier: str) -> bool:
    if left.text == "of":
        return earlier in _TOTALS
    if left.text.isalpha():
        return left.text not in _BEFORE
    return left.text in _OPENING or left.text in _CLOSING


def _may_follow(right: _Token) -> bool:
    if right.text.isalpha():
        return right.text not in _AFTER and (len(right.text) > 1 or right.text in "ai")
    return right.text in _CLOSING or right.text in ("(", "<", ">")


def _in_python(run: Sequence[_Token]) -> str | None:
    """Return the expression in Python's syntax with whole numbers only; None if a number of it is written oddly."""
    parts: list[str] = []
    for token in run:
        if token.sign != "n":
            parts.append("/100*" if token.sign == "%" else token.sign)
            continue
        if len(token.text) > MAX_NUMBER or not _NUMBER.fullmatch(token.text):
            return None
        whole, _, decimals = token.text.replace(",", "").partition(".")
        parts.append(f"({int(whole + decimals)}/{10 ** len(decimals)})" if decimals else whole)
    return " ".join(parts)


def _shown(run: Sequence[_Token]) -> str:
    text = ""
    for number, token in enumerate(run):
        is_sign = token.sign == "-" and (number == 0 or run[number - 1].sign not in ("n", ")"))
        text += token.text if token.sign == "n" else "−" if is_sign else _SHOWN[token.sign]
    return text


class _Evaluator(SimpleEval):  # type: ignore[misc]
    """Evaluator of +, -, *, / and ** on exact fractions. It has no names, functions, attributes or texts."""

    def __init__(self) -> None:
        operators = {
            ast.Add: add, ast.Sub: sub, ast.Mult: mul, ast.Div: truediv, ast.Pow: _power, ast.USub: neg,
        }  # fmt: skip
        super().__init__(operators=operators, functions={}, names={})
        kinds = (ast.Expr, ast.BinOp, ast.UnaryOp, ast.Constant)
        self.nodes: dict[type, Any] = {kind: self.nodes[kind] for kind in kinds}

    @staticmethod
    def _eval_constant(node: Any) -> Fraction:
        return Fraction(int(node.value))


def _power(base: Fraction, exponent: Fraction) -> Fraction:
    if exponent.denominator != 1:
        raise InvalidExpression("A root is not a fraction.")
    bits = max(base.numerator.bit_length(), base.denominator.bit_length())
    if bits * abs(exponent.numerator) > MAX_POWER_BITS:
        raise InvalidExpression("The power is too large.")
    return Fraction(base ** int(exponent))


def evaluate(expression: str) -> str | None:
    """Return the exact result of an expression of whole numbers; None if it has none, or one that is too long."""
    try:
        value = _Evaluator().eval(expression)
    except (InvalidExpression, SyntaxError, ZeroDivisionError):
        return None
    if not isinstance(value, Fraction) or value.numerator.bit_length() > 3.3 * MAX_DIGITS:
        return None
    scaled = value * 10**DECIMALS
    if scaled.denominator == 1:
        whole, decimals = divmod(abs(scaled.numerator), 10**DECIMALS)
        digits = f"{whole}.{decimals:0{DECIMALS}d}".rstrip("0").rstrip(".")
        return f"−{digits}" if value < 0 else digits
    if value.denominator.bit_length() > 3.3 * MAX_DIGITS:
        return None
    return f"{value.numerator}/{value.denominator} ≈ {float(value):.6g}".replace("-", "−")

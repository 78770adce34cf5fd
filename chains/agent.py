"""The agent: a model that calls a calculator, a calendar and a letter counter until it can answer."""

import ast
import datetime
import operator
from collections.abc import Callable
from typing import Any

from langchain.agents import create_agent
from langchain_core.language_models import BaseChatModel
from langchain_core.tools import ToolException, tool

MAX_EXPRESSION = 200
"""Characters of an expression."""

MAX_NUMBER = 10**15
"""Largest number of a calculation: larger ones take time and memory."""

SYSTEM = "Answer in one or two sentences. Use the tools for all arithmetic, dates and counting."

_OPERATORS: dict[type[ast.AST], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}


@tool
async def calculate(expression: str) -> float:
    """Compute an arithmetic expression of numbers, + - * / // % and parentheses."""
    if len(expression) > MAX_EXPRESSION:
        raise ToolException(f"The expression is longer than {MAX_EXPRESSION} characters.")
    try:
        return _value(ast.parse(expression.strip(), mode="eval").body)
    except (SyntaxError, ArithmeticError) as error:
        raise ToolException(f"This cannot be computed: {error}.") from error


@tool
async def weekday(date: str) -> str:
    """Return the day of the week of a date in the form YYYY-MM-DD."""
    try:
        return f"{datetime.date.fromisoformat(date):%A}"
    except ValueError as error:
        raise ToolException(f"This is no date: {error}.") from error


@tool
async def count_letter(text: str, letter: str) -> int:
    """Count how often a letter stands in a text."""
    return text.lower().count(letter.lower())


TOOLS = (calculate, weekday, count_letter)
for _tool in TOOLS:
    # A ToolException goes back to the model as the tool's result, so that it can call the tool again.
    _tool.handle_tool_error = True


def agent(model: BaseChatModel) -> Any:
    """Return the agent `{"messages"} -> {"messages"}`."""
    return create_agent(model, TOOLS, system_prompt=SYSTEM, name="agent")


def _value(node: ast.AST) -> float:
    """Return the value of a parsed expression. Raises ToolException for all but arithmetic."""
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        value: Any = node.value
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        value = -_value(node.operand)
    elif isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        value = _OPERATORS[type(node.op)](_value(node.left), _value(node.right))
    else:
        raise ToolException("Only numbers, + - * / // % and parentheses can be computed.")
    if abs(value) > MAX_NUMBER:
        raise ToolException("The numbers are too large.")
    return float(value) if isinstance(value, float) and not value.is_integer() else int(value)

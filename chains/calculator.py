"""The calculator of the math route: a tool whose result stands in the answer, whatever the model makes of it.

A language model does not calculate, and a small one is wrong more often than right.
"""

from dataclasses import replace

from langchain_core.language_models import BaseChatModel
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import Runnable, RunnableConfig
from langchain_core.tools import tool

from chains.arithmetic import Calculation, find_calculation
from weir.llm.overrides.direct_sequence import DirectRunnableSequence
from weir.llm.overrides.direct_str_parser import DirectStrOutputParser

CONFIRM_PROMPT = ChatPromptTemplate.from_messages(
    [
        (
            "system",
            "You are a mathematician. A calculator has worked out the result. Say it in one short sentence, and "
            "calculate nothing. Answer in the language of the question.",
        ),
        ("human", "{question}"),
    ]
)


@tool
async def calculator(expression: str) -> str:
    """Work out an arithmetic expression exactly: numbers, + − × ÷ ^, percent and parentheses."""
    found = find_calculation(expression)
    return found.result if found else "This is no arithmetic expression."


async def calculate(question: str, config: RunnableConfig) -> Calculation | None:
    """Return the calculation of a question, worked out by the tool; None if the question has none."""
    found = find_calculation(question)
    if found is None:
        return None
    return replace(found, result=await calculator.ainvoke({"expression": found.expression}, config))


def answer_line(calculation: Calculation) -> str:
    """Return the line that begins the answer, in Markdown."""
    return f"{calculation.expression} = **{calculation.result}**\n\n"


def with_result(question: str, calculation: Calculation) -> str:
    """Return the question as the model gets it, with the calculator's result."""
    return f"{question}\n(The calculator says {calculation.expression} = {calculation.result}.)"


def confirming_chain(model: BaseChatModel, name: str) -> Runnable[dict[str, str], str]:
    """Return the chain `{"question"} -> str` for a question that the calculator has answered as a whole."""
    return DirectRunnableSequence(CONFIRM_PROMPT, model, DirectStrOutputParser(), name=name)

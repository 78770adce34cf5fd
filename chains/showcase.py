"""The showcase chain: one of each kind of component, to look at their events.

showcase
├── tidy            a lambda
├── branches        two model calls side by side
│   ├── haiku
│   └── fact
└── report          a generator that streams the haiku as it comes, then the fact
    └── count_words a tool, whose result goes out as a custom event
"""

from collections.abc import AsyncIterator
from typing import Any

from langchain_core.callbacks import adispatch_custom_event
from langchain_core.language_models import BaseChatModel
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import Runnable, RunnableConfig, RunnableGenerator, RunnableLambda, RunnableParallel
from langchain_core.tools import tool

from weir.llm.overrides.direct_str_parser import DirectStrOutputParser

COUNTED_EVENT = "counted"
"""Name of the custom event with the tool's result: `{"branch": "haiku", "words": 11}`."""

MAX_TOKENS = 120
"""Tokens of the answer of one branch."""

HAIKU = ChatPromptTemplate.from_template("Write a haiku about {topic}. Write only the haiku.")
FACT = ChatPromptTemplate.from_template("Tell one surprising fact about {topic} in one sentence.")


@tool
async def count_words(text: str) -> int:
    """Count the words of a text."""
    return len(text.split())


def tidy(value: dict[str, str]) -> dict[str, str]:
    """Return a topic without blanks around it and without a full stop."""
    return {"topic": value["topic"].strip().rstrip(".")}


async def report(chunks: AsyncIterator[dict[str, str]], config: RunnableConfig) -> AsyncIterator[str]:
    """Stream the haiku as it comes; the fact, which comes beside it, follows in one piece."""
    haiku, fact = "", ""
    async for chunk in chunks:
        if "haiku" in chunk:
            haiku += chunk["haiku"]
            yield chunk["haiku"]
        fact += chunk.get("fact", "")
    for branch, text in (("haiku", haiku), ("fact", fact)):
        words = await count_words.ainvoke({"text": text}, config)
        await adispatch_custom_event(COUNTED_EVENT, {"branch": branch, "words": words}, config=config)
    yield f"\n\n{fact}"


def showcase_chain(model: BaseChatModel) -> Runnable[dict[str, Any], str]:
    """Return the chain `{"topic"} -> str`, which streams asynchronously only."""
    branches = RunnableParallel(
        haiku=(HAIKU | model | DirectStrOutputParser()).with_config(run_name="haiku"),
        fact=(FACT | model | DirectStrOutputParser()).with_config(run_name="fact"),
    ).with_config(run_name="branches")
    # LangChain passes the config to a transform that asks for it; its type does not say so.
    written: Runnable[Any, str] = RunnableGenerator(report, name="report")  # type: ignore[arg-type]
    return (RunnableLambda(tidy) | branches | written).with_config(run_name="showcase")

"""Chains as LangChain's own guides write them, with nothing to find fault with."""

import warnings
from collections.abc import Callable
from operator import itemgetter
from typing import Any

from langchain.agents import create_agent
from langchain_core._api import LangChainDeprecationWarning
from langchain_core.chat_history import InMemoryChatMessageHistory
from langchain_core.example_selectors import LengthBasedExampleSelector
from langchain_core.output_parsers import CommaSeparatedListOutputParser, JsonOutputParser
from langchain_core.prompts import ChatPromptTemplate, FewShotPromptTemplate, MessagesPlaceholder, PromptTemplate
from langchain_core.runnables import (
    RunnableBranch,
    RunnableGenerator,
    RunnableLambda,
    RunnableParallel,
    RunnablePassthrough,
    RunnableWithMessageHistory,
    chain,
)
from pydantic import BaseModel

from chains.agent import agent
from chains.route_classification import fixed_route
from chains.showcase import showcase_chain
from chains.smart_router import smart_router
from chains.story_chain import story_chain
from tests.support.doctor_faults import ANSWER, PROMPT, QUESTION, TEXT, TOPIC, WHOLE, rag, waits
from tests.support.doctor_parts import (
    Clock,
    Docs,
    OtherModel,
    TimedModel,
    as_text,
    call_of,
    lookup,
    search_tool,
    upper,
)
from tests.support.graphs import branching, fan_out, looping, two_nodes, with_subgraph

FACT = '{"text": "water runs over a weir", "sure": true}'
CHAT = ChatPromptTemplate.from_messages([("system", "Be brief"), MessagesPlaceholder("history"), ("human", "{topic}")])


class Plan(BaseModel):
    """What a structured answer of a tool call holds."""

    query: str


def model(c: Clock, **more: Any) -> TimedModel:
    return TimedModel(clock=c, **more)


def other(c: Clock, **more: Any) -> OtherModel:
    return OtherModel(clock=c, text="The other one tells of a mill by the sea, and of its miller.", **more)


def plain(c: Clock, **more: Any) -> Any:
    return PROMPT | model(c, **more) | TEXT


def with_memory(runnable: Any) -> Any:
    with warnings.catch_warnings():
        # LangChain would rather have a graph's memory; many chains have this one.
        warnings.simplefilter("ignore", LangChainDeprecationWarning)
        return _with_history(runnable)


def _with_history(runnable: Any) -> Any:
    history = InMemoryChatMessageHistory()
    history.add_user_message("Hello")
    history.add_ai_message("Good day")
    kept = RunnableWithMessageHistory(
        runnable,
        lambda session_id: history,  # noqa: ARG005
        input_messages_key="topic",
        history_messages_key="history",
    )
    return kept.with_config(configurable={"session_id": "one"})


def router(c: Clock, value: Any) -> Any:
    return PROMPT | model(c) | TEXT


def decorated(c: Clock) -> Any:
    inner = plain(c)

    @chain
    async def tell(value: Any) -> Any:
        return inner

    return tell


def generator(c: Clock) -> Any:
    inner = plain(c)

    async def tell(values: Any) -> Any:
        async for value in values:
            async for chunk in inner.astream(value):
                yield chunk

    return RunnableGenerator(tell)


def refine(c: Clock) -> Any:
    return plain(c) | (lambda text: {"topic": text[:20]}) | PROMPT | other(c) | TEXT


def structured(c: Clock) -> Any:
    return PROMPT | model(
        c, calls=[{"name": "Plan", "args": '{"query": "rivers"}', "id": "one"}]
    ).with_structured_output(Plan)


def with_tools(c: Clock, tool: Any, *calls: Any) -> Any:
    return create_agent(model(c, calls=list(calls), first=0.3), [tool]).bind(**WHOLE)


FEW = FewShotPromptTemplate(
    example_selector=LengthBasedExampleSelector(
        examples=[{"topic": "salt"}], example_prompt=PromptTemplate.from_template("{topic}")
    ),
    example_prompt=PromptTemplate.from_template("{topic}"),
    suffix="{topic}",
    input_variables=["topic"],
)

Make = Callable[[Clock], Any]
SOUND: dict[str, tuple[Make, Any]] = {
    "prompt, model": (lambda c: PROMPT | model(c), TOPIC),
    "prompt, model, parser": (plain, TOPIC),
    "the model alone": (model, "Tell"),
    "a long answer": (lambda c: plain(c, text="word " * 400), TOPIC),
    "a short answer": (lambda c: plain(c, text="Yes."), TOPIC),
    "a quick model": (lambda c: plain(c, gap=0.0005, text="word " * 300), TOPIC),
    "a slow, steady model": (lambda c: plain(c, gap=0.2), TOPIC),
    "an uneven model": (lambda c: plain(c, gaps={3: 0.15, 7: 0.1, 12: 0.12}), TOPIC),
    "RAG": (lambda c: rag(Docs(clock=c), model(c)), "rivers"),
    "RAG with a retriever of 0.3 s": (lambda c: rag(Docs(clock=c, seconds=0.3), model(c, first=0.6)), "rivers"),
    "RAG with its sources": (
        lambda c: RunnableParallel(context=Docs(clock=c), question=RunnablePassthrough()).assign(
            answer=(lambda v: {"context": as_text(v["context"]), "question": v["question"]}) | ANSWER | model(c) | TEXT
        ),
        "rivers",
    ),
    "RAG by assign": (
        lambda c: (
            RunnablePassthrough.assign(context=itemgetter("question") | Docs(clock=c) | as_text)
            | ANSWER
            | model(c)
            | TEXT
        ),
        {"question": "rivers"},
    ),
    "RAG with a condensed question": (
        lambda c: PROMPT | other(c, first=0.2) | TEXT | rag(Docs(clock=c), model(c, first=0.8)),
        TOPIC,
    ),
    "RAG with two retrievers": (
        lambda c: (
            {
                "context": RunnableParallel(one=Docs(clock=c), two=Docs(clock=c, seconds=0.15)) | str,
                "question": RunnablePassthrough(),
            }
            | ANSWER
            | model(c)
            | TEXT
        ),
        "rivers",
    ),
    "RAG that filters": (
        lambda c: (
            {"context": Docs(clock=c) | (lambda docs: docs[:1]) | as_text, "question": RunnablePassthrough()}
            | ANSWER
            | model(c)
            | TEXT
        ),
        "rivers",
    ),
    "two branches": (lambda c: RunnableParallel(one=plain(c), two=PROMPT | other(c) | TEXT), TOPIC),
    "three branches": (
        lambda c: RunnableParallel(one=plain(c), two=PROMPT | other(c) | TEXT, three=RunnablePassthrough()),
        TOPIC,
    ),
    "branches before a model": (
        lambda c: (
            {"context": plain(c, first=0.1, text="A b."), "question": PROMPT | other(c, first=0.1) | TEXT}
            | ANSWER
            | model(c, text="And so it was that all of it came to pass at the mill.", first=1.2)
            | TEXT
        ),
        TOPIC,
    ),
    "a branch that decides": (
        lambda c: RunnableBranch((lambda v: "water" in v["topic"], plain(c)), PROMPT | other(c) | TEXT),
        TOPIC,
    ),
    "a router": (
        lambda c: (
            RunnablePassthrough.assign(route=PROMPT | other(c, first=0.2) | TEXT)
            | RunnableLambda(lambda _: plain(c, first=1.0))
        ),
        TOPIC,
    ),
    "a router that invokes its classifier": (
        lambda c: (
            RunnablePassthrough.assign(route=waits(PROMPT | other(c, first=0.2) | TEXT, "classify"))
            | RunnableLambda(lambda _: plain(c, first=1.0))
        ),
        TOPIC,
    ),
    "fallbacks that are not used": (lambda c: PROMPT | model(c).with_fallbacks([other(c)]) | TEXT, TOPIC),
    "fallbacks around a chain": (lambda c: plain(c).with_fallbacks([PROMPT | other(c) | TEXT]), TOPIC),
    "retries that are not used": (lambda c: PROMPT | model(c).with_retry() | TEXT, TOPIC),
    "a step with retries": (lambda c: lookup(c, 0.1).with_retry() | plain(c), TOPIC),
    "a tool before the model": (
        lambda c: {"context": search_tool(c, 0.2), "question": RunnablePassthrough()} | ANSWER | model(c) | TEXT,
        "rivers",
    ),
    "an agent": (lambda c: with_tools(c, search_tool(c, 0.1), call_of("search", "rivers")), QUESTION),
    "an agent with two calls": (
        lambda c: with_tools(c, search_tool(c, 0.1), call_of("search", "rivers"), call_of("search", "lakes", 1)),
        QUESTION,
    ),
    "an agent that answers at once": (lambda c: create_agent(model(c), [search_tool(c, 0.1)]), QUESTION),
    "an agent that takes its time": (
        lambda c: create_agent(
            model(c, calls=[call_of("search", "rivers"), call_of("search", "lakes", 1)], first=1.5),
            [search_tool(c, 0.1)],
        ).bind(**WHOLE),
        QUESTION,
    ),
    "an agent without a call": (lambda c: with_tools(c, search_tool(c, 0.1)), QUESTION),
    "structured output by a tool": (structured, TOPIC),
    "structured output by JSON": (lambda c: PROMPT | model(c, text=FACT) | JsonOutputParser(), TOPIC),
    "structured output that is called": (
        lambda c: (
            {"context": structured(c) | str, "question": RunnablePassthrough() | str}
            | ANSWER
            | model(c, first=1)
            | TEXT
        ),
        TOPIC,
    ),
    "a list": (lambda c: PROMPT | model(c, text="a, b, c, d, e") | CommaSeparatedListOutputParser(), TOPIC),
    "memory": (lambda c: with_memory(CHAT | model(c)), TOPIC),
    "memory and a parser": (lambda c: with_memory(CHAT | model(c) | TEXT), TOPIC),
    "a lambda that returns its chain": (lambda c: RunnableLambda(lambda v: router(c, v)), TOPIC),
    "a chain by decorator": (decorated, TOPIC),
    "a generator around a chain": (generator, TOPIC),
    "a generator after the parser": (lambda c: plain(c) | upper, TOPIC),
    "two generators after the parser": (lambda c: plain(c) | upper | RunnableGenerator(upper), TOPIC),
    "a lambda before the prompt": (lambda c: RunnableLambda(lambda v: {"topic": v["topic"].upper()}) | plain(c), TOPIC),
    "an async lambda before the prompt": (lambda c: lookup(c, 0.05) | plain(c), TOPIC),
    "lambdas without a model": (lambda _: RunnableLambda(str) | RunnableLambda(str.upper), TOPIC),
    "a lambda between two models": (refine, TOPIC),
    "few-shot examples": (lambda c: FEW | model(c) | TEXT, TOPIC),
    "a bound model": (lambda c: PROMPT | model(c).bind(stop=["END"]) | TEXT, TOPIC),
    "a named chain with tags": (lambda c: plain(c).with_config(run_name="story", tags=["night"]), TOPIC),
    "pick": (lambda c: RunnableParallel(answer=plain(c), question=RunnablePassthrough()).pick("answer"), TOPIC),
    "a map over documents": (
        lambda c: (
            RunnableLambda(lambda v: [v, {"topic": "salt"}]) | (lookup(c, 0.05).map()) | (lambda v: v[0]) | plain(c)
        ),
        TOPIC,
    ),
    "the story": (lambda c: story_chain(model(c)), {"topic": "water", "words": 50, "tone": "warm"}),
    "the showcase": (
        lambda c: showcase_chain(model(c, texts=["Rain, all night long.", "Water is wet."])),
        TOPIC,
    ),
    "the smart router": (
        lambda c: smart_router(model(c), fixed_route("general")),
        {"question": "Why is it wet?", "history": []},
    ),
    "the agent": (
        lambda c: agent(model(c, calls=[{"name": "calculate", "args": '{"expression": "25 * 17"}', "id": "one"}])),
        QUESTION,
    ),
    "a graph": (lambda _: two_nodes().bind(**WHOLE), TOPIC),
    "a graph that branches": (lambda _: branching().bind(**WHOLE), TOPIC),
    "a graph that loops": (lambda _: looping().bind(**WHOLE), TOPIC),
    "a graph that fans out": (lambda _: fan_out().bind(**WHOLE), TOPIC),
    "a graph in a graph": (lambda _: with_subgraph().bind(**WHOLE), TOPIC),
}

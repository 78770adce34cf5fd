"""Chains with one planted fault each, and the finding that names it."""

from collections.abc import Callable
from typing import Any

from langchain.agents import create_agent
from langchain_core.output_parsers import BaseOutputParser, PydanticOutputParser, StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnableBranch, RunnableLambda, RunnableParallel, RunnablePassthrough
from pydantic import BaseModel

from tests.support.doctor_parts import STORY, Clock, Docs, OtherModel, TimedModel, as_text, call_of, lookup, search_tool
from tests.support.graphs import looping, two_nodes, with_subgraph
from weir.analysis.finding import IssueKind

PROMPT = ChatPromptTemplate.from_template("About {topic}")
ANSWER = ChatPromptTemplate.from_template("{context}\n{question}")
TEXT = StrOutputParser()
WHOLE = {"stream_mode": ["updates", "messages", "custom"], "subgraphs": True}


class Fact(BaseModel):
    """What a structured answer holds."""

    text: str
    sure: bool


class Lines(BaseOutputParser[list[str]]):
    """Parser that needs the whole text."""

    def parse(self, text: str) -> list[str]:
        return text.split(",")


def waits(chain: Any, name: str) -> Any:
    async def step(value: Any) -> Any:
        return await chain.ainvoke(value)

    return RunnableLambda(step, name=name)


def rag(docs: Any, model: Any) -> Any:
    return {"context": docs | as_text, "question": RunnablePassthrough()} | ANSWER | model | TEXT


def condensing(clock: Clock, *, first: float) -> Any:
    condense = PROMPT | OtherModel(clock=clock, first=first, text="rivers") | TEXT
    return condense | rag(Docs(clock=clock), TimedModel(clock=clock))


def each(docs: Any) -> Any:
    async def look_up_all(value: Any) -> Any:
        for number in range(6):
            await docs.ainvoke(f"{value} {number}")
        return value

    return RunnableLambda(look_up_all)


def agent_of(clock: Clock, tool: Any, *calls: dict[str, Any]) -> Any:
    made = create_agent(TimedModel(clock=clock, calls=list(calls), first=0.2), [tool])
    return made.bind(**WHOLE)


def asked_twice(clock: Clock) -> Any:
    """Ask one model the same twice, and use the second answer."""
    model = PROMPT | TimedModel(clock=clock) | TEXT

    async def step(value: Any) -> Any:
        await model.ainvoke(value)
        return model

    return RunnableLambda(step)


def flaky(clock: Clock, failures: int) -> Any:
    left = [failures]

    async def fetch(value: Any) -> Any:
        await clock.sleep(0.8)
        if left[0]:
            left[0] -= 1
            raise ConnectionError("connection reset")
        return value

    return RunnableLambda(fetch).with_retry(wait_exponential_jitter=False, stop_after_attempt=4)


K = IssueKind
TOPIC: Any = {"topic": "water"}
QUESTION: Any = {"messages": [("user", "Which rivers?")]}
Make = Callable[[Clock], Any]

FAULTS: dict[str, tuple[Make, Any, IssueKind, str]] = {
    "a lambda that calls invoke": (
        lambda c: waits(PROMPT | TimedModel(clock=c) | TEXT, "tell"),
        TOPIC,
        K.INVOKES,
        "tell",
    ),
    "a lambda that calls invoke, then a step": (
        lambda c: waits(PROMPT | TimedModel(clock=c) | TEXT, "tell") | RunnableLambda(str.upper),
        TOPIC,
        K.INVOKES,
        "tell",
    ),
    "a blocking lambda after the parser": (
        lambda c: PROMPT | TimedModel(clock=c) | TEXT | RunnableLambda(str.upper),
        TOPIC,
        K.WHOLE_INPUT,
        "upper",
    ),
    "a blocking lambda between model and parser": (
        lambda c: PROMPT | TimedModel(clock=c) | RunnableLambda(lambda message: message, name="same") | TEXT,
        TOPIC,
        K.WHOLE_INPUT,
        "same",
    ),
    "a blocking lambda in RAG": (
        lambda c: rag(Docs(clock=c), TimedModel(clock=c)) | RunnableLambda(str.strip),
        "rivers",
        K.WHOLE_INPUT,
        "strip",
    ),
    "a Pydantic parser": (
        lambda c: (
            PROMPT
            | TimedModel(clock=c, text='{"text": "a b c d e f", "sure": true}')
            | PydanticOutputParser(pydantic_object=Fact)
        ),
        TOPIC,
        K.WHOLE_PARSER,
        "PydanticOutputParser",
    ),
    "a parser of one's own": (lambda c: PROMPT | TimedModel(clock=c) | Lines(), TOPIC, K.WHOLE_PARSER, "Lines"),
    "a model that does not stream": (
        lambda c: PROMPT | TimedModel(clock=c, text=STORY * 6, disable_streaming=True) | TEXT,
        TOPIC,
        K.MODEL_IN_ONE,
        "TimedModel",
    ),
    "double delivery": (
        lambda c: RunnableParallel(one=PROMPT | TimedModel(clock=c), other=PROMPT | TimedModel(clock=c)),
        TOPIC,
        K.TWICE,
        "TimedModel",
    ),
    "bursts": (
        lambda c: PROMPT | TimedModel(clock=c, text=STORY * 2, gap=1e-4, gaps={10: 0.5, 20: 0.6, 30: 0.5}) | TEXT,
        TOPIC,
        K.BURSTS,
        "TimedModel",
    ),
    "a stalled model": (lambda c: PROMPT | TimedModel(clock=c, gaps={9: 3.0}) | TEXT, TOPIC, K.STALL, "TimedModel"),
    "a stalled model in RAG": (
        lambda c: rag(Docs(clock=c), TimedModel(clock=c, gaps={5: 2.0})),
        "rivers",
        K.STALL,
        "TimedModel",
    ),
    "usage missing": (lambda c: PROMPT | TimedModel(clock=c, usage=False) | TEXT, TOPIC, K.NO_USAGE, "TimedModel"),
    "no finish reason": (
        lambda c: PROMPT | TimedModel(clock=c, finish=None) | TEXT,
        TOPIC,
        K.NO_FINISH_REASON,
        "TimedModel",
    ),
    "a slow retriever": (lambda c: rag(Docs(clock=c, seconds=1.5), TimedModel(clock=c)), "rivers", K.SLOW_STEP, "Docs"),
    "a slow retriever by assign": (
        lambda c: (
            RunnablePassthrough.assign(context=RunnableLambda(lambda v: v["question"]) | Docs(clock=c, seconds=2.5))
            | ANSWER
            | TimedModel(clock=c)
            | TEXT
        ),
        {"question": "rivers"},
        K.SLOW_STEP,
        "Docs",
    ),
    "a slow lambda before the model": (
        lambda c: lookup(c, 2.0) | PROMPT | TimedModel(clock=c) | TEXT,
        TOPIC,
        K.SLOW_STEP,
        "lookup",
    ),
    "a slow branch of a parallel step": (
        lambda c: (
            {"context": lookup(c, 3.0, "crawl"), "question": lookup(c, 0.1, "read")}
            | ANSWER
            | TimedModel(clock=c)
            | TEXT
        ),
        "rivers",
        K.SLOW_STEP,
        "crawl",
    ),
    "a slow step inside a lambda that returns its chain": (
        lambda c: RunnableLambda(lambda _: lookup(c, 1.5, "fetch") | PROMPT | TimedModel(clock=c) | TEXT),
        TOPIC,
        K.SLOW_STEP,
        "fetch",
    ),
    "a step that looks up one by one": (
        lambda c: each(Docs(clock=c, seconds=0.4)) | PROMPT | TimedModel(clock=c) | TEXT,
        TOPIC,
        K.SLOW_STEP,
        "Docs",
    ),
    "a slow question before the question": (lambda c: condensing(c, first=3.0), TOPIC, K.SLOW_STEP, "OtherModel"),
    "a slow decision": (
        lambda c: (
            RunnablePassthrough.assign(route=PROMPT | OtherModel(clock=c, first=4.0, text="math") | TEXT)
            | RunnableBranch(
                (lambda v: v["route"] == "math", PROMPT | TimedModel(clock=c) | TEXT),
                PROMPT | TimedModel(clock=c) | TEXT,
            )
        ),
        TOPIC,
        K.SLOW_STEP,
        "OtherModel",
    ),
    "a model that queues": (
        lambda c: PROMPT | TimedModel(clock=c, first=14.0) | TEXT,
        TOPIC,
        K.SLOW_MODEL,
        "TimedModel",
    ),
    "a fallback after a slow failure": (
        lambda c: PROMPT | OtherModel(clock=c, fails=9, first=2.0).with_fallbacks([TimedModel(clock=c)]) | TEXT,
        TOPIC,
        K.FALLBACK,
        "OtherModel",
    ),
    "retries": (
        lambda c: waits(flaky(c, 2), "patient") | PROMPT | TimedModel(clock=c) | TEXT,
        TOPIC,
        K.RETRIED,
        "fetch",
    ),
    "the same question to the model again": (asked_twice, TOPIC, K.SAME_QUESTION, "TimedModel"),
    "a slow step at the end": (
        lambda c: PROMPT | TimedModel(clock=c) | TEXT | slow_saver(c, 4.0),
        TOPIC,
        K.SLOW_END,
        "save",
    ),
    "a tool that dominates": (
        lambda c: agent_of(c, search_tool(c, 6.0), call_of("search", "rivers")),
        QUESTION,
        K.SLOW_TOOL,
        "search",
    ),
    "a repeated tool call": (
        lambda c: agent_of(c, search_tool(c, 0.1), call_of("search", "rivers"), call_of("search", "rivers", 1)),
        QUESTION,
        K.SAME_CALL,
        "search",
    ),
    "a node that gives its text in one piece": (
        lambda _: two_nodes().bind(stream_mode=["updates", "custom"]),
        TOPIC,
        K.NODE_INVOKES,
        "write",
    ),
    "a writer without its mode": (
        lambda _: two_nodes().bind(stream_mode=["updates", "messages"]),
        TOPIC,
        K.NO_CUSTOM_MODE,
        "LangGraph",
    ),
    "a hidden subgraph": (
        lambda _: with_subgraph().bind(stream_mode=WHOLE["stream_mode"]),
        TOPIC,
        K.HIDDEN_SUBGRAPH,
        "inner",
    ),
    "a step limit nearly reached": (
        lambda _: looping().bind(**WHOLE).with_config(recursion_limit=7),
        TOPIC,
        K.STEP_LIMIT,
        "",
    ),
}


def slow_saver(clock: Clock, seconds: float) -> Any:
    async def save(chunks: Any) -> Any:
        async for chunk in chunks:
            yield chunk
        await clock.sleep(seconds)

    return save

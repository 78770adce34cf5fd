"""The graph: a text that is written, checked, shown to a person, and written again until they are content.

START ─▶ write ─▶ check ─▶ ask ─▶ END
           ▲        │       │
           └────────┴───────┘   too short, or the person wants it otherwise
"""

import functools
import threading
from collections import OrderedDict
from typing import Any, TypedDict

from langchain_core.language_models import BaseChatModel
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.config import get_stream_writer
from langgraph.graph import END, START, StateGraph
from langgraph.types import interrupt

MAX_TOKENS = 120
"""Tokens of one draft."""

MIN_WORDS = 12
"""Words below which a draft is written again."""

MAX_DRAFTS = 3
"""Drafts that are written before a person is asked, whatever their length."""

MAX_THREADS = 200
"""Threads that are kept; the oldest goes first."""

PROMPT = ChatPromptTemplate.from_template(
    "Write two sentences about {topic} for a postcard. {note} Write only the two sentences."
)


class DraftInput(TypedDict):
    """What the graph is given."""

    topic: str


class Draft(TypedDict, total=False):
    """The graph's state."""

    topic: str
    text: str
    drafts: int
    """Drafts since a person was asked last."""
    note: str
    """What the next draft must be like."""
    accepted: bool


class RecentThreads(InMemorySaver):
    """Checkpointer in memory that keeps the newest threads only."""

    def __init__(self) -> None:
        super().__init__()
        self._order: OrderedDict[str, None] = OrderedDict()
        self._order_lock = threading.Lock()

    def put(self, config: RunnableConfig, *args: Any, **kwargs: Any) -> RunnableConfig:
        thread_id = config["configurable"]["thread_id"]
        with self._order_lock:
            self._order[thread_id] = None
            self._order.move_to_end(thread_id)
            oldest = self._order.popitem(last=False)[0] if len(self._order) > MAX_THREADS else None
        if oldest is not None:
            self.delete_thread(oldest)
        return super().put(config, *args, **kwargs)


@functools.cache
def _threads() -> RecentThreads:
    """Return the checkpointer of all runs of this process."""
    return RecentThreads()


def draft_graph(model: BaseChatModel) -> Any:
    """Return the graph `{"topic"} -> {"text", "accepted", …}`. It waits for a person before its end."""
    graph = StateGraph(Draft, input_schema=DraftInput)
    graph.add_node("write", _writer(model)).add_node("check", _check).add_node("ask", _ask)
    graph.add_edge(START, "write").add_edge("write", "check")
    graph.add_conditional_edges("check", _after_check, ["write", "ask"])
    graph.add_conditional_edges("ask", _after_ask, ["write", END])
    compiled = graph.compile(checkpointer=_threads(), name="graph")
    # LangGraph's default, "updates", gives neither the model's tokens nor what the stream writer is given.
    compiled.stream_mode = ["updates", "messages", "custom"]  # type: ignore[assignment]
    return compiled


def _writer(model: BaseChatModel) -> Any:
    chain = PROMPT | model

    async def write(state: Draft) -> Draft:
        message = await chain.ainvoke({"topic": state["topic"], "note": state.get("note", "")})
        return {"text": str(message.text).strip(), "drafts": state.get("drafts", 0) + 1}

    return write


async def _check(state: Draft) -> Draft:
    words = len(state["text"].split())
    get_stream_writer()({"words": words, "wanted": MIN_WORDS})
    return {"note": "" if words >= MIN_WORDS else "Make each sentence longer."}


def _after_check(state: Draft) -> str:
    return "write" if state["note"] and state["drafts"] < MAX_DRAFTS else "ask"


async def _ask(state: Draft) -> Draft:
    answer = interrupt({"question": "Is this text good? Answer yes, or say what to change.", "text": state["text"]})
    accepted = str(answer).strip().lower() in ("yes", "y", "true", "ok")
    return {"accepted": accepted, "drafts": 0, "note": "" if accepted else f"A reader wants this: {answer}."}


def _after_ask(state: Draft) -> str:
    return END if state["accepted"] else "write"

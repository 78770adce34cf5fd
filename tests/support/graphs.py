"""Graphs and agents for tests. Each function makes a new one, so that two runs of it begin alike."""

import operator
from collections.abc import Callable, Iterator
from typing import Annotated, Any, TypedDict

from langchain.agents import create_agent
from langchain.agents.middleware import AgentMiddleware
from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, GenericFakeChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable, RunnableConfig
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.config import get_stream_writer
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, Send, interrupt

THREAD: RunnableConfig = {"configurable": {"thread_id": "one"}}


class State(TypedDict, total=False):
    """What the nodes of these graphs share."""

    topic: str
    round: int
    texts: Annotated[list[str], operator.add]


class ScriptedModel(BaseChatModel):
    """Chat model that streams given answers, a list of chunks each, one after another."""

    answers: list[list[AIMessageChunk]]
    asked: int = 0

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def bind_tools(self, tools: Any, **_: Any) -> Runnable[Any, Any]:  # noqa: ARG002
        return self

    def _stream(
        self,
        messages: list[BaseMessage],  # noqa: ARG002
        stop: list[str] | None = None,  # noqa: ARG002
        run_manager: CallbackManagerForLLMRun | None = None,
        **_: Any,
    ) -> Iterator[ChatGenerationChunk]:
        answer = self.answers[self.asked % len(self.answers)]
        self.asked += 1
        for message in answer:
            chunk = ChatGenerationChunk(message=message.model_copy())
            if run_manager:
                run_manager.on_llm_new_token(message.text, chunk=chunk)
            yield chunk

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,  # noqa: ARG002
        **kwargs: Any,
    ) -> ChatResult:
        chunks = [chunk.message for chunk in self._stream(messages, stop, None, **kwargs)]
        first, *others = chunks
        assert isinstance(first, AIMessageChunk)
        whole = first + others if others else first
        return ChatResult(generations=[ChatGeneration(message=AIMessage(**whole.model_dump(exclude={"type"})))])


def tool_call(name: str, *arguments: str, index: int = 0) -> list[AIMessageChunk]:
    """Return the chunks of one tool call, its arguments in pieces."""
    call = {"type": "tool_call_chunk", "index": index}
    first = {**call, "name": name, "args": "", "id": f"call-{name}-{index}"}
    pieces = [{**call, "name": None, "args": piece, "id": None} for piece in arguments]
    return [AIMessageChunk(content="", id="message", tool_call_chunks=[chunk]) for chunk in (first, *pieces)]


def words(text: str) -> list[AIMessageChunk]:
    """Return the chunks of an answer, a word each."""
    return [AIMessageChunk(content=f"{word} ", id="message") for word in text.split()]


def fake_model(text: str = "rain on water") -> GenericFakeChatModel:
    return GenericFakeChatModel(messages=iter([AIMessage(text, id="message")]))


async def plan(state: State) -> State:
    get_stream_writer()({"planning": state["topic"]})
    return {"round": state.get("round", 0) + 1}


async def write(state: State) -> State:
    answer = await fake_model().ainvoke(state["topic"])
    return {"texts": [answer.text]}


def shorten(state: State) -> State:
    return {"texts": [text[:4] for text in state["texts"]]}


def two_nodes() -> Any:
    graph = StateGraph(State).add_node(plan).add_node(write)
    return graph.add_edge(START, "plan").add_edge("plan", "write").compile()


def branching() -> Any:
    graph = StateGraph(State).add_node(plan).add_node(write).add_node(shorten).add_edge(START, "plan")

    def choose(state: State) -> str:
        return "write" if state["topic"] == "water" else "shorten"

    return graph.add_conditional_edges("plan", choose, ["write", "shorten"]).compile()


def looping() -> Any:
    graph = StateGraph(State).add_node(plan).add_node(write).add_edge(START, "plan").add_edge("plan", "write")

    def again(state: State) -> str:
        return "plan" if state["round"] < 3 else END

    return graph.add_conditional_edges("write", again, ["plan", END]).compile()


def fan_out() -> Any:
    graph = StateGraph(State).add_node(plan).add_node(write).add_node(shorten).add_edge(START, "plan")

    def send(_: State) -> list[Send]:
        return [Send("write", {"topic": topic}) for topic in ("rain", "snow", "hail")]

    return graph.add_conditional_edges("plan", send, ["write"]).add_edge("write", "shorten").compile()


def with_subgraph() -> Any:
    graph = StateGraph(State).add_node(plan).add_node("inner", two_nodes())
    return graph.add_edge(START, "plan").add_edge("plan", "inner").compile()


def hands_over() -> Any:
    """A subgraph whose node leaves it by a command for the graph around it."""

    async def leave(state: State) -> Command[Any]:
        return Command(goto="shorten", graph=Command.PARENT, update={"texts": ["left early"]})

    inner = StateGraph(State).add_node(leave).add_edge(START, "leave").compile()
    graph = StateGraph(State).add_node("inner", inner).add_node(shorten)
    return graph.add_edge(START, "inner").compile()


def failing() -> Any:
    async def breaks(state: State) -> State:
        raise ValueError("too wet")

    graph = StateGraph(State).add_node(plan).add_node(breaks)
    return graph.add_edge(START, "plan").add_edge("plan", "breaks").compile()


def asking(checkpointer: Any = None) -> Any:
    """A graph that plans, asks a person, and writes."""

    async def ask(state: State) -> State:
        answer = interrupt({"question": "Is this right?"})
        return {"texts": [f"answered {answer}"]}

    graph = StateGraph(State).add_node(plan).add_node(ask).add_node(write).add_edge(START, "plan")
    graph.add_edge("plan", "ask").add_edge("ask", "write")
    return graph.compile(checkpointer=checkpointer or InMemorySaver())


def asking_in_subgraph() -> Any:
    graph = StateGraph(State).add_node(plan).add_node("inner", asking(True))
    return graph.add_edge(START, "plan").add_edge("plan", "inner").compile(checkpointer=InMemorySaver())


@tool
async def multiply(a: int, b: int) -> int:
    """Multiply two numbers."""
    return a * b


@tool
async def count_letters(text: str) -> int:
    """Count the letters of a text."""
    return len(text)


class Noting(AgentMiddleware[Any, Any, Any]):
    """Middleware with a hook on each side of the model."""

    async def abefore_model(self, state: Any, runtime: Any) -> None:  # noqa: ARG002
        return None

    async def aafter_model(self, state: Any, runtime: Any) -> None:  # noqa: ARG002
        return None


def agent() -> Any:
    """An agent that calls two tools at once, in argument chunks, and then answers."""
    calls = [
        *tool_call("multiply", '{"a": 2', "5, ", '"b": 17}'),
        *tool_call("count_letters", '{"text"', ': "ab"}', index=1),
    ]
    model = ScriptedModel(answers=[calls, words("It is 425")])
    return create_agent(model, [multiply, count_letters], middleware=[Noting()])


def agent_with_failing_tool() -> Any:
    @tool
    async def breaks(text: str) -> str:
        """Fail."""
        raise ValueError(f"cannot do {text}")

    model = ScriptedModel(answers=[tool_call("breaks", '{"text": "it"}'), words("never")])
    return create_agent(model, [breaks])


GRAPHS: list[Callable[[], Any]] = [
    two_nodes,
    branching,
    looping,
    fan_out,
    with_subgraph,
    hands_over,
    failing,
    agent,
    agent_with_failing_tool,
]

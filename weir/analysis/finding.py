"""Findings of the doctor: what is wrong with a run, where, what it costs and what to change."""

from dataclasses import dataclass
from enum import Enum

from weir.analysis.run_tree import RunNode


class IssueKind(Enum):
    """Kind of a finding. The value is (title, hint): what is wrong, and what to change."""

    INVOKES = (
        "A step waits for a whole answer",
        "Return the inner chain instead of its result (LangChain then streams it), or make the step a "
        "`RunnableGenerator` that yields from `inner.astream(…)`.",
    )
    WHOLE_INPUT = (
        "A step waits for its whole input",
        "Make it a generator (`async def step(chunks): async for chunk in chunks: yield …`), which LangChain feeds "
        "chunk by chunk, or move it behind the last step that needs to stream.",
    )
    WHOLE_PARSER = (
        "A parser waits for the whole text",
        "Use a parser that yields partial results (`StrOutputParser`, `JsonOutputParser`), or a dict schema with "
        "`with_structured_output`.",
    )
    MODEL_IN_ONE = (
        "The model answered in one chunk",
        "Remove `disable_streaming=True` or `streaming=False` from the model. If neither is set, the server or a "
        "gateway before it does not stream.",
    )
    BURSTS = (
        "Chunks arrived in bursts",
        "A proxy or gateway buffers the stream. Turn its buffering off (nginx: `proxy_buffering off`, or the answer's "
        "header `X-Accel-Buffering: no`) and its compression of `text/event-stream`.",
    )
    STALL = (
        "The stream stalled",
        "Look at the server's load at that moment. A tool or a queue in between shows as a gap in the timeline.",
    )
    NO_USAGE = (
        "The server did not count its tokens",
        "Set `stream_usage=True` on the model (`stream_options: {include_usage: true}` in the request). Until then "
        "Weir counts chunks, which are not always tokens.",
    )
    NO_FINISH_REASON = (
        "The stream ended without a finish reason",
        "The answer is probably cut off: look for a proxy's time limit or a server that was restarted, then retry.",
    )
    TWICE = (
        "The same text was delivered on two branches",
        "Read the events of one of them only: filter by its name or tag, or by `run_id`.",
    )
    NODE_INVOKES = (
        "A node gives its text in one piece",
        'Read the graph with `stream_mode=["updates", "messages"]`, or with `astream_events`: the tokens of a model '
        "that a node calls with `invoke` come in no other mode.",
    )
    NO_CUSTOM_MODE = (
        "Data of the stream writer is left out",
        'Add "custom" to the modes: `graph.astream(…, stream_mode=["updates", "custom"])`. Without it '
        "`get_stream_writer()` does nothing.",
    )
    HIDDEN_SUBGRAPH = (
        "A subgraph is hidden",
        "Read the graph with `subgraphs=True`: each chunk then comes with its namespace, the path to the subgraph.",
    )
    SLOW_TOOL = (
        "A tool takes most of the time",
        "Give it a time limit, keep what it has returned before, or make it `async def`, so that calls of one message "
        "run at the same time. With `get_stream_writer()` it can report its progress.",
    )
    SAME_CALL = (
        "A tool is called with the same arguments again",
        "Return something that tells the model what to change, or bound the calls: "
        "`ToolCallLimitMiddleware(tool_name=…, run_limit=…)`. A tool without side effects can be cached.",
    )
    SLOW_STEP = (
        "A step before the model takes most of the wait",
        "Do it at the same time as the other steps (`RunnableParallel`), keep its result (a cache, an index in "
        "memory), or ask for less: fewer documents, a smaller model for a decision.",
    )
    SLOW_MODEL = (
        "The model is slow to begin",
        "Look at the server's queue and at its start from cold; shorten the prompt, or let the provider cache its "
        "beginning; try a smaller model or less reasoning.",
    )
    FALLBACK = (
        "A fallback had to answer",
        "Repair what fails first, give it a shorter `timeout` and `max_retries=0`, or put the one that works in front.",
    )
    RETRIED = (
        "A step was tried again",
        "Repair what fails; until then bound it: `with_retry(stop_after_attempt=2)` and a `timeout`.",
    )
    SAME_QUESTION = (
        "The model is asked the same again",
        "Use the first answer, or keep it: `set_llm_cache(InMemoryCache())`. To have several, ask at "
        "once with `abatch`.",
    )
    SLOW_END = (
        "The run goes on after its text is whole",
        "Do what nobody waits for (saving, counting) after the run, in a task of its own.",
    )
    STEP_LIMIT = (
        "The step limit is nearly used up",
        'Raise it (`config={"recursion_limit": …}`), or have the graph end by itself: a state field of the type '
        "`RemainingSteps` tells a node how many steps are left.",
    )

    @property
    def message(self) -> str:
        return self.value[0]

    @property
    def hint(self) -> str:
        return self.value[1]


@dataclass(frozen=True, slots=True)
class Finding:
    """One problem of one component."""

    kind: IssueKind
    node: RunNode
    evidence: str
    """The measurements behind it, in a sentence."""
    seq: int
    """`seq` of the event that shows it."""
    seconds: float = 0.0
    """Seconds that it costs, as far as the record shows; 0 where it costs none, or they are not known."""

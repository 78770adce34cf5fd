"""Hypothesis strategies for runs and their events, in LangChain's shape and with any odd value that it can deliver.

A broken server decides what is in a message; a user's chain decides what it yields, its name and its tags.
"""

from typing import Any

from hypothesis import strategies as st

from weir.analysis.messages import MESSAGE_TYPES
from weir.analysis.usage import MAX_TOKENS
from weir.core import serialization
from weir.core.run_event import Component, RunEvent, as_plain
from weir.runs.memory_run import MemoryRun
from weir.runs.run import Run, Status

ODD_TEXTS = ("", " ", "\0", "\ud83d", "\ude00", "²", "١", "\u202e", "a" * 2_000, "`~$" * 20, "<b>", "…\n\n")
ODD_NUMBERS = (0, -1, 1, True, False, 2**31, 2**63, 2**64, 10**30, 10**400, 1e308, -0.0, 0.5)
NO_NUMBERS = (float("nan"), float("inf"), float("-inf"))

NO_COUNTS: list[Any] = [
    *("x", "12", "", None, True, False, [], [3], {}, {"tokens": 3}, float("nan"), float("inf"), float("-inf"), 1.5),
    *(0, -1, -(10**30), MAX_TOKENS + 1, 10**30, 10**400),
]
"""Values that are not a valid count of tokens."""

texts = st.sampled_from(ODD_TEXTS) | st.text(max_size=20)
numbers = st.sampled_from(ODD_NUMBERS + NO_NUMBERS) | st.integers() | st.floats()
scalars = st.none() | st.booleans() | numbers | texts
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(texts, inner, max_size=3)
        | st.fixed_dictionaries({"content": inner})
    ),
    max_leaves=6,
)
"""Any JSON, and the numbers that JSON cannot express."""


def _often(usual: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Mostly the usual value, sometimes any value."""
    return usual | usual | values


blocks = st.lists(texts | st.fixed_dictionaries({"type": st.just("text"), "text": _often(texts)}) | values, max_size=3)
counts = st.fixed_dictionaries(
    {},
    optional={
        name: _often(st.integers(0, 1_000))
        for name in ("input_tokens", "output_tokens", "total_tokens", "prompt_tokens", "completion_tokens")
    },
)
usages = _often(counts)
messages = st.fixed_dictionaries(
    {"type": _often(st.sampled_from(sorted(MESSAGE_TYPES))), "content": _often(texts | blocks)},
    optional={
        "usage_metadata": usages,
        "response_metadata": _often(
            st.fixed_dictionaries(
                {},
                optional={
                    "finish_reason": _often(st.sampled_from(["stop", "length", "content_filter"])),
                    "model_provider": _often(st.just("openai")),
                    "token_usage": usages,
                    "usage": usages,
                },
            )
        ),
        "additional_kwargs": _often(st.fixed_dictionaries({"refusal": _often(texts)})),
        "tool_calls": _often(st.lists(values, max_size=2)),
    },
)
results = st.fixed_dictionaries(
    {"generations": values, "llm_output": _often(st.fixed_dictionaries({"token_usage": usages}))}
)
errors = _often(
    st.fixed_dictionaries(
        {},
        optional={
            "type": _often(st.just("Interrupted")),
            "message": _often(texts),
            "causes": _often(st.lists(_often(st.fixed_dictionaries({"type": texts, "message": texts})), max_size=2)),
        },
    )
)
tags = st.sampled_from(["seq:step:1", "seq:step:2", "seq:step:²", "seq:step:", "seq:step:" + "9" * 5_000]) | texts
metadata = st.dictionaries(texts, values, max_size=2)
names = st.sampled_from(["classify", "route", "ChatOpenAI"]) | texts
kinds = st.sampled_from(["chain", "chat_model", "llm", "prompt", "parser", "tool", "retriever"])
stages = st.sampled_from(["start", "stream", "stream", "stream", "end", "error"])

_DATA = {
    "start": st.fixed_dictionaries({}, optional={"input": values | messages}),
    "stream": st.fixed_dictionaries({}, optional={"chunk": _often(texts | messages)}),
    "end": st.fixed_dictionaries({}, optional={"output": values | messages | results, "input": values}),
    "error": st.fixed_dictionaries({}, optional={"error": errors}),
}


@st.composite
def components_of_a_run(draw: st.DrawFn) -> list[Component]:
    """Draw the components of a run, the root first, as its recorder writes them."""
    components = [Component(draw(names), "0", (), tuple(draw(st.lists(tags, max_size=2))), draw(metadata))]
    for number in range(1, draw(st.integers(1, 5))):
        parent = draw(st.sampled_from(components))
        parents = (*parent.parent_ids, parent.run_id)
        name, own_tags, own_metadata = draw(st.tuples(names | values, st.lists(tags | values, max_size=2), metadata))
        components.append(Component(name, str(number), parents, tuple(own_tags), own_metadata))
    return [as_plain(component) for component in components]


@st.composite
def events(draw: st.DrawFn) -> list[RunEvent]:
    """Draw the events of a run, in any order."""
    kinds_of = [(component, draw(kinds)) for component in draw(components_of_a_run())]
    at, run_events = 0.0, []
    for seq in range(draw(st.integers(0, 20))):
        component, kind = draw(st.sampled_from(kinds_of))
        at += draw(st.sampled_from([0.0, 1e-6, 0.01, 1.0]))
        if draw(st.integers(0, 9)) == 0:
            name, data = "on_custom_event", draw(values)
        else:
            stage = draw(stages)
            name, data = f"on_{kind}_{stage}", draw(_DATA[stage])
        run_events.append(RunEvent(seq, at, name, component, serialization.dumps(data)))
    return run_events


def nothing() -> None:
    """Callback of a run that has ended."""


def recorded(events: list[RunEvent], *, status: Status = Status.DONE, value: Any = None) -> Run:
    """Return a run that has ended with these events."""
    run = MemoryRun(
        "run",
        "chain",
        value,
        context={},
        created_at=0.0,
        cancel=nothing,
        on_last_reader_left=nothing,
        clock=lambda: 1.0,
    )
    for event in events:
        run.append(event)
    run.stop()
    run.close(status, None)
    return run


@st.composite
def runs(draw: st.DrawFn) -> Run:
    """Draw a run that has ended."""
    status = draw(st.sampled_from([status for status in Status if status is not Status.RUNNING]))
    return recorded(draw(events()), status=status, value=draw(values))

"""Recordings that are sound, and the same with one planted fault each, with the rule that the fault breaks."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from weir.core.run_event import Component, RunEvent
from weir.core.serialization import dumps
from weir.runs.failure_sentences import Failure, FailureKind
from weir.runs.recording_encoder import encode
from weir.runs.recording_lines import End, Header
from weir.runs.run import Status

SCHEMA = {
    "type": "object",
    "properties": {"title": {"type": "string"}, "lines": {"type": "array", "items": {"type": "integer"}}},
    "required": ["title", "lines"],
    "additionalProperties": False,
}
RULES: dict[str, Any] = {
    "first_token": "1s",
    "gap_p95": "100ms",
    "gap_max": "200ms",
    "duration": "20s",
    "tokens_per_second": 20,
    "max_tokens": 300,
    "finish": "stop",
    "no_error": True,
    "streams": ["ChatOpenAI -> StrOutputParser -> story"],
    "route": "code",
    "json_valid": SCHEMA,
    "contains": ["weir"],
    "calls": {"measure": 2},
    "doctor": True,
}
"""Rules that each sound recording holds."""

MODEL_METADATA = {"model_provider": "openai"}


@dataclass(frozen=True)
class Plan:
    """What a recording has. Times are seconds."""

    chunks: tuple[str, ...]
    gaps: tuple[float, ...]
    """Before each chunk; the first is the wait for the first token."""
    finish_reason: str | None = "stop"
    usage: bool = True
    tokens: int | None = None
    """What the server counted; None: one for each chunk."""
    route: str | None = "code"
    calls: int = 2
    parser: str = "StrOutputParser"
    parser_collects: bool = False
    error: dict[str, Any] | None = None
    """Ends the model's call after half of the chunks."""
    ends: bool = True
    wait_at_end: float = 0.0
    second_model: bool = False
    """A second model writes the same text at the same time."""


def sound_plan(seed: int) -> Plan:
    """Return the plan of a sound recording; the texts and times differ from seed to seed."""
    random = Random(seed)
    value = {"title": f"A weir {'and a river ' * random.randint(1, 4)}", "lines": [random.randint(0, 999)] * 20}
    return with_text(Plan((), ()), json.dumps(value, indent=random.choice([None, 1])), random)


def with_text(plan: Plan, text: str, random: Random) -> Plan:
    chunks = []
    while text:
        size = random.randint(1, 4)
        chunks.append(text[:size])
        text = text[size:]
    gaps = [random.uniform(0.2, 0.6), *(random.uniform(0.01, 0.02) for _ in chunks[1:])]
    return replace(plan, chunks=tuple(chunks), gaps=tuple(gaps))


def _gap(plan: Plan, random: Random, seconds: float) -> Plan:
    index = random.randint(3, len(plan.gaps) - 3)
    return replace(plan, gaps=(*plan.gaps[:index], seconds, *plan.gaps[index + 1 :]))


def _text(change: Callable[[str], str]) -> Callable[[Plan, Random], Plan]:
    return lambda plan, random: with_text(plan, change("".join(plan.chunks)), random)


FAULTS: dict[str, tuple[str, Callable[[Plan, Random], Plan]]] = {
    "a late first token": (
        "first_token",
        lambda plan, random: replace(plan, gaps=(random.uniform(1.01, 3), *plan.gaps[1:])),
    ),
    "one long gap": ("gap_max", lambda plan, random: _gap(plan, random, random.uniform(0.21, 0.24))),
    "many gaps": (
        "gap_p95",
        lambda plan, _: replace(plan, gaps=tuple(0.15 if n % 12 == 5 else gap for n, gap in enumerate(plan.gaps))),
    ),
    "a long run": ("duration", lambda plan, random: replace(plan, wait_at_end=random.uniform(20, 40))),
    "a slow model": (
        "tokens_per_second",
        lambda plan, random: replace(plan, gaps=(0.3, *(random.uniform(0.06, 0.09) for _ in plan.gaps[1:]))),
    ),
    "too many tokens": ("max_tokens", lambda plan, random: replace(plan, tokens=random.randint(301, 9_000))),
    "another finish reason": ("finish", lambda plan, _: replace(plan, finish_reason="length")),
    "no finish reason": ("finish", lambda plan, _: replace(plan, finish_reason=None)),
    "no finish reason, by the doctor": ("doctor", lambda plan, _: replace(plan, finish_reason=None)),
    "a model that failed": (
        "no_error",
        lambda plan, _: replace(plan, error={"type": "OpenAITimeoutError", "message": "Request timed out."}),
    ),
    "a stopped run": (
        "no_error",
        lambda plan, _: replace(plan, error={"type": "Interrupted", "message": "The run was stopped."}),
    ),
    "a missing end": ("no_error", lambda plan, _: replace(plan, ends=False)),
    "a parser that collects": (
        "streams ChatOpenAI -> StrOutputParser -> story",
        lambda plan, _: replace(plan, parser_collects=True),
    ),
    "a parser that collects, by the doctor": ("doctor", lambda plan, _: replace(plan, parser_collects=True)),
    "a missing component": (
        "streams ChatOpenAI -> StrOutputParser -> story",
        lambda plan, _: replace(plan, parser="OtherParser"),
    ),
    "a wrong route": ("route", lambda plan, random: replace(plan, route=random.choice(["math", "general"]))),
    "no route": ("route", lambda plan, _: replace(plan, route=None)),
    "JSON that ends too early": ("json_valid", _text(lambda text: text[:-1])),
    "JSON with a wrong character": ("json_valid", _text(lambda text: text.replace("[", "[oops, "))),
    "JSON that the schema refuses": ("json_valid", _text(lambda text: text.replace("[", '["many", '))),
    "JSON without a required field": ("json_valid", _text(lambda _: '{"title": "A weir and a river and a mill"}')),
    "a missing word": ("contains 'weir'", _text(lambda text: text.replace("weir", "dam"))),
    "a repeated tool call": ("calls measure", lambda plan, _: replace(plan, calls=3)),
    "a missing tool call": ("calls measure", lambda plan, _: replace(plan, calls=1)),
    "no usage": ("doctor", lambda plan, _: replace(plan, usage=False)),
    "a stall": ("doctor", lambda plan, random: _gap(plan, random, random.uniform(1, 2))),
    "chunks in bursts": (
        "doctor",
        lambda plan, _: replace(plan, gaps=tuple(0.4 if n % 15 == 0 else 0.0001 for n in range(len(plan.gaps)))),
    ),
    "the answer in one chunk": (
        "doctor",
        lambda plan, _: replace(plan, chunks=("".join(plan.chunks) + " " * 400,), gaps=(0.5,)),
    ),
    "the same text on two branches": ("doctor", lambda plan, _: replace(plan, second_model=True)),
}
"""Faults by what they are: the rule that each breaks, and the change of a sound plan that plants it."""


class _Writer:
    """Writes the lines of one recording."""

    def __init__(self) -> None:
        self.at = 0.0
        self.lines = [encode(Header("root", "story", 1_795_000_000.0, {"topic": "water"}, {}))]

    def add(self, event: str, component: Component, data: Any) -> None:
        number = len(self.lines) - 1
        self.lines.append(encode(RunEvent(number, round(self.at, 6), event, component, dumps(data))))


def recording(plan: Plan) -> bytes:
    """Return the recording of a plan: a routed sequence of tools, a model and a parser."""
    writer = _Writer()
    root = Component("story", "root", (), (), {})
    model = Component("ChatOpenAI", "model", ("root",), ("seq:step:1",), {})
    other = Component("ChatOpenAI", "other", ("root",), (), {})
    parser = Component(plan.parser, "parser", ("root",), ("seq:step:2",), {})
    text = "".join(plan.chunks)
    writer.add("on_chain_start", root, {"input": {"topic": "water"}})
    if plan.route is not None:
        writer.add("on_custom_event", replace(root, name="route"), {"route": plan.route})
    for number in range(plan.calls):
        tool = Component("measure", f"tool-{number}", ("root",), (), {})
        writer.add("on_tool_start", tool, {"input": {}})
        writer.add("on_tool_end", tool, {"output": "3 m"})
    models = [model, other] if plan.second_model else [model]
    for called in models:
        writer.add("on_chat_model_start", called, {"input": {"messages": []}})
    kept = len(plan.chunks) // 2 if plan.error else len(plan.chunks)
    for number, (chunk, gap) in enumerate(zip(plan.chunks[:kept], plan.gaps, strict=False)):
        writer.at += gap
        for called in models:
            writer.add("on_chat_model_stream", called, {"chunk": {"type": "AIMessageChunk", "content": chunk}})
        if number == 0:
            writer.add("on_parser_start", parser, {})
        if not plan.parser_collects:
            writer.add("on_parser_stream", parser, {"chunk": chunk})
            writer.add("on_chain_stream", root, {"chunk": chunk})
    if plan.error:
        for component, kind in ((model, "chat_model"), (parser, "parser"), (root, "chain")):
            writer.add(f"on_{kind}_error", component, {"error": plan.error})
        return b"".join([*writer.lines, encode(End(Status.FAILED, Failure(FailureKind.INTERNAL)))])
    metadata = {**MODEL_METADATA, **({"finish_reason": plan.finish_reason} if plan.finish_reason else {})}
    message: dict[str, Any] = {"type": "ai", "content": text, "response_metadata": metadata}
    if plan.usage:
        tokens = len(plan.chunks) if plan.tokens is None else plan.tokens
        message["usage_metadata"] = {"input_tokens": 12, "output_tokens": tokens, "total_tokens": 12 + tokens}
    for called in models:
        writer.add("on_chat_model_end", called, {"output": message, "input": {"messages": []}})
    if plan.parser_collects:
        writer.add("on_parser_stream", parser, {"chunk": text})
        writer.add("on_chain_stream", root, {"chunk": text})
    writer.add("on_parser_end", parser, {"output": text})
    writer.at += plan.wait_at_end
    if not plan.ends:
        return b"".join(writer.lines)
    writer.add("on_chain_end", root, {"output": text})
    return b"".join([*writer.lines, encode(End(Status.DONE, None))])


def planted(fault: str, seed: int) -> bytes:
    """Return a sound recording with one fault."""
    _, plant = FAULTS[fault]
    return recording(plant(sound_plan(seed), Random(seed)))

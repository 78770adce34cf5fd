"""Fuzzer of recordings: makes recordings with faults and computes everything that Weir shows of them.

    python -m tests.fuzz_recordings --count 5000

makes 5,000 from one seed and prints how many opened, how many were refused, the slowest, and the memory used. The exit
code is 1 if one raised anything but RecordingError, or took longer than `MAX_SECONDS`.
"""

import argparse
import json
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterable
from copy import deepcopy
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from streamlit.dataframe_util import convert_anything_to_arrow_bytes

from pages.components.answer.answer_view import finished_answer_of_run
from pages.components.inspector import event_table, latency_view
from pages.components.json_viewer.json_source import of_run, schema_of
from pages.components.layout import formatting
from pages.components.session.recordings import SAMPLES
from pages.components.story.metrics_view import newest_lines, sparkline
from weir.analysis import event_rows, graph_diagnosis, method_race, metrics, run_comparison, stream_diagnosis
from weir.analysis.answer_reader import answer_text
from weir.analysis.event_filter import EventFilter
from weir.analysis.method_race import Lane
from weir.analysis.outcome import outcome
from weir.analysis.playback import playhead_at_end
from weir.analysis.progress import RunPhase, run_phase
from weir.analysis.run_json import RunJsonReader
from weir.analysis.run_snapshot import RunSnapshot
from weir.analysis.stop_report import stop_report
from weir.analysis.text_chunks import text_chunks
from weir.analysis.token_counter import TokenUsageCounter
from weir.analysis.waterfall_rows import waterfall
from weir.api.schemas import run_view
from weir.core import serialization
from weir.llm.replay_model import ReplayChatModel, recorded_calls
from weir.partial_json.field_timeline import field_timelines
from weir.partial_json.parser import PartialJson
from weir.runs import recording_file
from weir.runs.recording_encoder import encode
from weir.runs.recording_lines import RecordingError
from weir.runs.run import Run
from weir.text.invisible_characters import replace_invisible

MAX_SECONDS = 5.0
"""Limit of processor time for one recording."""

ODD: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    1e308,
    -1e308,
    2**70,
    10**400,
    0.1,
    "",
    "x",
    "many",
    "\ud800",
    "\udfff\ud800",
    "a\x00b",
    "~" * 5_000,
    "seq:step:²",
    "seq:step:" + "9" * 5_000,
    [],
    [1],
    [1, 2],
    [None],
    [["a"]],
    ["\ud800"],
    {},
    {"content": [1, 2]},
    {"content": [{"text": 1}, {"type": "text", "text": "b"}, None]},
    {"type": "ai", "content": "a", "usage_metadata": "many"},
    {"type": "ai", "content": "a", "usage_metadata": {"input_tokens": "x", "output_tokens": -1e308}},
    {"type": "ai", "content": {"a": 1}, "response_metadata": [1], "additional_kwargs": [1], "tool_calls": 1},
    {"type": ["a"], "message": {}, "causes": 7},
    {"category": [], "route": {}},
)
KINDS = [
    f"on_{kind}_{stage}" for kind in ("chain", "chat_model", "llm", "tool") for stage in ("start", "stream", "end")
]
KINDS += ["on_chain_error", "on_custom_event", "on_x", "on__stream", "on_chat_model_error", "on_stream"]


@cache
def samples() -> tuple[tuple[dict[str, Any], ...], ...]:
    """Return the lines of the recordings that come with Weir: of each the first hundred events, and the end."""
    recordings = []
    for path in sorted(SAMPLES.glob("*.jsonl")):
        lines = [json.loads(line) for line in path.read_bytes().splitlines()]
        recordings.append((*lines[:101], *lines[-1:]))
    return tuple(recordings)


def odd(random: Random) -> Any:
    """Return a copy of an odd value, which may be changed."""
    return deepcopy(random.choice(ODD))


def make_recording(random: Random) -> bytes:
    """Return a recording with one to five faults."""
    lines = [json.loads(json.dumps(line)) for line in random.choice(samples())]
    for _ in range(random.randint(1, 4)):
        random.choice(FAULTS)(random, lines)
    if random.random() < 0.5:
        _renumber(random, lines)
    content = b"".join(_encoded(line) + b"\n" for line in lines)
    if random.random() < 0.05:
        content = content[: random.randrange(len(content) + 1)]
    if random.random() < 0.05 and content:
        at = random.randrange(len(content))
        content = content[:at] + random.randbytes(1) + content[at + 1 :]
    return content


def _encoded(line: Any) -> bytes:
    return line if isinstance(line, bytes) else json.dumps(line, separators=(",", ":")).encode()


def _any_line(random: Random, lines: list[Any]) -> Any:
    return random.choice([line for line in lines if isinstance(line, dict)] or [{}])


def _event(random: Random, lines: list[Any]) -> dict[str, Any]:
    events = [line for line in lines if isinstance(line, dict) and "data" in line]
    return random.choice(events) if events else {}


def _change_anywhere(random: Random, lines: list[Any]) -> None:
    """Set one field of one line, at any depth, to an odd value."""
    container: Any = _any_line(random, lines)
    while isinstance(container, dict | list) and container:
        key = random.choice(list(container)) if isinstance(container, dict) else random.randrange(len(container))
        if not (isinstance(container[key], dict | list) and container[key]) or random.random() < 0.3:
            container[key] = odd(random)
            return
        container = container[key]


def _change_data(random: Random, lines: list[Any]) -> None:
    """Give all events of one kind odd data under a key that Weir reads."""
    one = _event(random, lines)
    value, field = odd(random), random.choice(["chunk", "output", "input", "error"])
    for line in lines:
        if isinstance(line, dict) and line.get("event") == one.get("event"):
            line["data"] = {field: value}


def _change_message(random: Random, lines: list[Any]) -> None:
    """Give all recorded messages an odd field."""
    field = random.choice(["content", "usage_metadata", "response_metadata", "additional_kwargs", "tool_calls", "type"])
    value = odd(random)
    for line in lines:
        data = line.get("data") if isinstance(line, dict) else None
        for message in (data.get("output"), data.get("chunk")) if isinstance(data, dict) else ():
            if isinstance(message, dict):
                message[field] = value


def _change_head(random: Random, lines: list[Any]) -> None:
    field = random.choice(["seq", "at", "event", "name", "run_id", "parent_ids", "tags", "metadata", "data"])
    _event(random, lines)[field] = odd(random)


def _change_kind(random: Random, lines: list[Any]) -> None:
    _event(random, lines)["event"] = random.choice(KINDS)


def _change_context(random: Random, lines: list[Any]) -> None:
    """Give the header an odd field, or odd values in the context that pages read."""
    run = lines[0].get("run") if lines and isinstance(lines[0], dict) else None
    if not isinstance(run, dict):
        return
    if random.random() < 0.5:
        run[random.choice(["id", "name", "created_at", "input", "context"])] = odd(random)
    elif isinstance(run.get("context"), dict):
        run["context"][random.choice(["page", "method", "schema", "asked", "conversation"])] = odd(random)


def _change_parents(random: Random, lines: list[Any]) -> None:
    """Give components odd parents: each other, themselves, twice the same, or unknown ones."""
    ids = [line["run_id"] for line in lines if isinstance(line, dict) and isinstance(line.get("run_id"), str)] or ["x"]
    for line in lines:
        if isinstance(line, dict) and "parent_ids" in line and random.random() < 0.5:
            line["parent_ids"] = random.choices([*ids, "foreign"], k=random.randint(0, 4))


def _nest(random: Random, lines: list[Any]) -> None:
    depth = random.choice([50, 99, 150, 2_000])
    line = _event(random, lines)
    at = lines.index(line) if line in lines else 0
    lines[at] = json.dumps({**line, "data": {"chunk": "@"}}).encode().replace(b'"@"', b"[" * depth + b"]" * depth)


def _go_back(random: Random, lines: list[Any]) -> None:
    _event(random, lines)["at"] = random.choice([0, 0.001, 1e9, 50, 1e-300])


def _drop(random: Random, lines: list[Any]) -> None:
    del lines[random.randrange(len(lines)) :: random.choice([1, 10_000])]


def _double(random: Random, lines: list[Any]) -> None:
    at = random.randrange(len(lines)) if lines else 0
    lines[at:at] = lines[at : at + 1]


def _swap(random: Random, lines: list[Any]) -> None:
    if lines:
        one, other = random.randrange(len(lines)), random.randrange(len(lines))
        lines[one], lines[other] = lines[other], lines[one]


def _renumber(random: Random, lines: list[Any]) -> None:
    """Renumber the events, so that dropped, doubled or swapped ones are in order again."""
    events = [dict(line) for line in lines if isinstance(line, dict) and "data" in line]
    lines[1:] = [{**line, "seq": seq} for seq, line in enumerate(events)]


def _raw(random: Random, lines: list[Any]) -> None:
    lines.insert(
        random.randint(0, len(lines)), random.choice([b"", b"NaN", b"[]", b'"', b"{}", b"\xff", b'{"end":{}}'])
    )


Fault = Callable[[Random, list[Any]], None]
FAULTS: tuple[Fault, ...] = (
    *[_change_anywhere] * 3,
    *[_change_data] * 8,
    *[_change_message] * 8,
    _change_head,
    _change_kind,
    *[_change_context] * 2,
    *[_change_parents] * 4,
    _nest,
    _go_back,
    _drop,
    _double,
    _swap,
    *[_renumber] * 3,
    _raw,
)


def check(content: bytes) -> str | None:
    """Open a recording and compute all that pages and the API compute. Return the message if it is refused."""
    try:
        run = recording_file.from_jsonl(content)
    except RecordingError as error:
        message = str(error)
        assert message.endswith(".")
        assert len(message) < 300
        message.encode()
        return message
    compute(run)
    return None


def compute(run: Run) -> None:
    """Compute all that pages and the API compute of a run. Raises what they would raise."""
    _check_recording(run)
    _check_events(run)
    _check_pages(run)


def _check_recording(run: Run) -> None:
    saved = b"".join(recording_file.to_jsonl(run))
    assert b"".join(recording_file.to_jsonl(recording_file.from_jsonl(saved))) == saved
    assert b"".join(recording_file.jsonl_chunks(run)) == saved
    assert recording_file.size(run) == len(saved)
    for event in run.events:
        json.loads(encode(event))
    json.loads(b"".join(run_view(run, "/api")))
    times = [event.elapsed for event in run.events]
    assert times == sorted(times)


def _check_events(run: Run) -> None:
    """Call the functions of events."""
    events = run.events
    snapshot = RunSnapshot()
    snapshot.advance_to(events, len(events))
    if snapshot.root:
        graph_diagnosis.run_findings(snapshot.root, snapshot.events)
        stream_diagnosis.flows(snapshot.root)
        assert len(list(snapshot.root.walk())) <= len(events)
        for node in snapshot.root.walk():
            _ = node.step, node.text, node.duration, node.time_to_first_chunk
    result = outcome(run, snapshot.metrics())
    _assert_sendable(result.message, result.hint)
    TokenUsageCounter().update(events)
    answer_text(events)
    metrics.output_of(events, "classify")
    metrics.custom_event(events, "route")
    run_phase(events, RunPhase.WAITING, None)
    stop_report(run)
    EventFilter(include_names=frozenset(["story"]), exclude_tags=frozenset(["x"])).select(events)
    for row in (*event_rows.folded_rows(events), *event_rows.unfolded_rows(events)):
        _ = row.preview, row.text, row.names
    run_comparison.first_difference(events, list(reversed(events)))
    run_comparison.metric_pairs(snapshot.metrics(), snapshot.metrics())
    lane = Lane(method_race.method_of(run), run).read()
    method_race.summary([lane, lane])
    method_race.text_agreement([lane, lane])
    method_race.run_input(run)
    ReplayChatModel.from_texts(method_race.timed_chunks(run))
    recorded_calls(events)
    head = playhead_at_end(events).seek(0, events).play(0.0, events)
    head.events_at(1.0, events)


def _check_pages(run: Run) -> None:
    """Compute what pages compute, and encode it as Streamlit does."""
    events = run.events
    snapshot = RunSnapshot()
    snapshot.advance_to(events, len(events))
    reader = RunJsonReader()
    reader.read(events)
    source = of_run(run, reader)
    field_timelines(source.chunks, source.schema)
    parser = PartialJson(schema=schema_of(run))
    for chunk in source.chunks:
        parser.feed(chunk.text)
    _assert_sendable(replace_invisible("".join(chunk.text for chunk in source.chunks)))
    ended = finished_answer_of_run(run)
    _assert_sendable(
        replace_invisible(ended.text),
        replace_invisible(ended.outcome.detail),
        formatting.escape_markdown(run.name),
        formatting.metrics_line(ended.figures),
    )
    sparkline(ended.figures.inter_token_latencies)
    _assert_sendable(replace_invisible(newest_lines(list(text_chunks(events))[-8:])))
    if snapshot.root:
        nodes = list(snapshot.root.walk())
        _assert_sendable(serialization.dumps(waterfall(snapshot.root, events[-1].elapsed)).decode())
        streaming = [node for node in nodes if len(node.chunk_times) > 1]
        convert_anything_to_arrow_bytes(latency_view.latency_table(streaming))
        for node in nodes:
            _assert_sendable(
                formatting.escape_markdown(node.name),
                formatting.escape_markdown(node.error),
                *map(formatting.escape_markdown, node.causes),
            )
    for folded in (True, False):
        rows = event_table.table_rows(events, search="a", folded=folded)
        convert_anything_to_arrow_bytes(event_table._table(rows[: event_table.PAGE], None))
    for event in events:
        _assert_sendable(replace_invisible(serialization.indented(event.as_dict())))


def _assert_sendable(*texts: str) -> None:
    """UTF-8 can encode the texts: they have no lone surrogates."""
    for text in texts:
        text.encode()


def main(arguments: Iterable[str] | None = None) -> int:
    """Check many recordings and print figures. Return 1 if something is wrong."""
    options = argparse.ArgumentParser(description="Open recordings with faults and compute all that is shown of them.")
    options.add_argument("--count", type=int, default=5_000)
    options.add_argument("--seed", type=int, default=0)
    chosen = options.parse_args(None if arguments is None else list(arguments))
    problems: Counter[str] = Counter()
    examples: dict[str, int] = {}
    opened, slowest, slow_seed = 0, 0.0, 0
    start, memory = time.perf_counter(), _resident_bytes()
    for seed in range(chosen.seed, chosen.seed + chosen.count):
        started = time.process_time()
        try:
            opened += check(make_recording(Random(seed))) is None
        except Exception as error:
            last = traceback.extract_tb(error.__traceback__)[-1]
            problem = f"{type(error).__name__} in {Path(last.filename).name}, line {last.lineno}, {last.name}"
            problems[problem] += 1
            examples.setdefault(problem, seed)
        seconds = time.process_time() - started
        if seconds > slowest:
            slowest, slow_seed = seconds, seed
    raised, total_seconds = problems.total(), time.perf_counter() - start
    refused = chosen.count - opened - raised
    grown = (_resident_bytes() - memory) / 1e6
    lines = [
        f"{chosen.count:,} recordings in {total_seconds:.0f} s: {opened:,} opened, {refused:,} refused, "
        f"{raised:,} wrong",
        f"slowest: {slowest:.2f} s of CPU (seed {slow_seed}), memory grew by {grown:.0f} MB",
        *(f"{count} × {problem} (seed {examples[problem]})" for problem, count in problems.items()),
    ]
    sys.stdout.write("\n".join(lines) + "\n")
    return int(bool(problems) or slowest > MAX_SECONDS)


def _resident_bytes() -> int:
    statm = Path("/proc/self/statm")
    return int(statm.read_text().split()[1]) * 4_096 if statm.exists() else 0


if __name__ == "__main__":
    sys.exit(main())

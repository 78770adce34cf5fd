import json
from typing import Any

import pytest

from weir.analysis.answer_reader import answer_text
from weir.analysis.messages import text_of
from weir.analysis.metrics import custom_event, output_of, percentile, run_metrics
from weir.core.run_event import Component, RunEvent

ROOT = Component("chain", "root", (), (), {})
MODEL = Component("ChatOpenAI", "model", ("root",), (), {})


def event(at: float, kind: str, source: Component, **data: Any) -> RunEvent:
    return RunEvent(0, at, kind, source, json.dumps(data).encode())


def answer(*times: float, usage: dict[str, int] | None = None, reason: Any = "stop") -> list[RunEvent]:
    events = [event(0, "on_chain_start", ROOT, input="q"), event(0.1, "on_chat_model_start", MODEL)]
    for at in times:
        events.append(event(at, "on_chat_model_stream", MODEL, chunk={"type": "AIMessageChunk", "content": "ab"}))
        events.append(event(at, "on_chain_stream", ROOT, chunk="ab"))
    metadata = {"model_provider": "openai"} | ({"finish_reason": reason} if reason else {})
    output = {"type": "ai", "content": "", "response_metadata": metadata} | ({"usage_metadata": usage} if usage else {})
    return [*events, event(times[-1] + 0.5, "on_chat_model_end", MODEL, output=output)]


def test_time_to_first_token_latencies_and_duration_are_read_from_arrival_times() -> None:
    metrics = run_metrics(answer(1.0, 1.5, 3.0))
    assert metrics.time_to_first_token == 1.0
    assert metrics.inter_token_latencies == (0.5, 1.5)
    assert metrics.median_latency == 1.0
    assert metrics.duration == 3.5
    assert (metrics.chunks, metrics.characters) == (3, 6)


def test_tokens_are_the_servers_count_if_there_is_one() -> None:
    metrics = run_metrics(answer(1.0, 3.0, usage={"input_tokens": 7, "output_tokens": 9}))
    assert (metrics.tokens_in, metrics.tokens_out, metrics.exact) == (7, 9, True)
    assert metrics.tokens_per_second == 4.0


def test_without_a_count_chunks_count_as_tokens() -> None:
    metrics = run_metrics(answer(1.0, 2.0, 3.0))
    assert (metrics.tokens_in, metrics.tokens_out, metrics.exact) == (None, 3, False)
    assert metrics.tokens_per_second == 1.0


def test_p95_latency_is_that_of_the_gaps() -> None:
    times = [0.0]
    for number in range(100):
        times.append(times[-1] + (0.5 if number >= 96 else 0.01))
    metrics = run_metrics(answer(*times))
    assert metrics.median_latency == pytest.approx(0.01)
    assert metrics.p95_latency == pytest.approx(0.01)
    assert run_metrics([]).p95_latency is None


@pytest.mark.parametrize(
    ("values", "fraction", "expected"),
    [([3.0, 1.0, 2.0], 0.5, 2.0), (range(101), 0.95, 95), ([1.0, 2.0, 3.0], 0.95, 3.0), ([7.0], 0.95, 7.0)],
)
def test_percentile_is_a_value_by_the_nearest_rank(values: list[float], fraction: float, expected: float) -> None:
    assert percentile(values, fraction) == expected


def test_metrics_of_a_run_without_text_are_none() -> None:
    metrics = run_metrics([])
    assert (
        metrics.time_to_first_token is metrics.tokens_out is metrics.tokens_per_second is metrics.median_latency is None
    )
    assert metrics.duration == 0.0


@pytest.mark.parametrize(
    ("calls", "silent"),
    [
        ([], True),
        ([{"name": "measure", "args": {}}], False),
        ([{"name": "", "args": {}}], True),
        ([{"name": None}, {"args": {"a": 1}}, {}, None, "measure"], True),
        ([{"name": ""}, {"name": "measure"}], False),
    ],
)
def test_a_model_is_silent_that_wrote_nothing_and_named_no_tool(calls: list[Any], *, silent: bool) -> None:
    output = {"type": "ai", "content": "", "tool_calls": calls}
    assert run_metrics([event(1.0, "on_chat_model_end", MODEL, output=output)]).silent is silent


@pytest.mark.parametrize("reason", ["stop", "length", None])
def test_the_finish_reason_is_the_last_calls(reason: str | None) -> None:
    metrics = run_metrics(answer(1.0, reason=reason))
    assert metrics.finish_reason == reason
    assert metrics.expects_finish_reason


@pytest.mark.parametrize("reason", [["stop"], {"type": "stop"}, 3])
def test_a_finish_reason_that_is_not_text_is_unknown_and_no_other_is_expected(reason: Any) -> None:
    metrics = run_metrics(answer(1.0, reason=reason))
    assert metrics.finish_reason is None
    assert not metrics.expects_finish_reason


@pytest.mark.parametrize(
    ("chunk", "expected"),
    [
        ("plain", "plain"),
        ({"type": "ai", "content": "message"}, "message"),
        (
            {"type": "AIMessageChunk", "content": [{"type": "text", "text": "block"}, {"type": "image"}, "bare"]},
            "blockbare",
        ),
        ({"type": "ai", "content": None}, ""),
        ({"category": "math"}, ""),
        (7, ""),
    ],
)
def test_the_text_of_a_chunk_is_its_string_or_its_messages_text(chunk: Any, expected: str) -> None:
    assert text_of(chunk) == expected


def test_only_what_the_root_streams_is_the_answer() -> None:
    assert answer_text(answer(1.0, 2.0)) == "abab"


def test_outputs_and_custom_events_are_found_by_name() -> None:
    classify = Component("classify", "c", ("root",), (), {})
    events = [
        event(1, "on_chain_end", classify, output={"category": "math"}),
        event(2, "on_custom_event", Component("route", "r", ("root",), (), {}), route="math"),
    ]
    assert output_of(events, "classify") == {"category": "math"}
    assert custom_event(events, "route") == {"route": "math"}
    assert output_of(events, "other") is custom_event(events, "other") is None

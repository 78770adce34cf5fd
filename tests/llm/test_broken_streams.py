"""Some hundreds of broken streams; `python -m tests.fuzz_streams` runs as many as one likes."""

import asyncio
import gc
import json
from typing import Any, cast

import pytest

from tests.fuzz_streams import BOUND, fuzz, wait_while_events_come, watched
from tests.support.broken_streams import ODD_VALUES, PATHS, broken
from weir.llm.completion_objects import Completion
from weir.llm.invalid_answers import EndedInErrorError, MalformedAnswerError, ReportedError
from weir.runs.background_loop import BackgroundLoop
from weir.runs.run import Run

SEEDS = 300
MEMORY = 400
"""Megabytes: some streams at once, each of which may hold one event of the largest size, as text and as JSON."""


@pytest.mark.slow
def test_every_broken_stream_ends_in_time_with_a_sentence_that_is_its_own() -> None:
    report = fuzz(range(SEEDS), at_once=8)
    assert report.problems == []
    assert sum(report.endings.values()) == SEEDS
    assert len(report.endings) > 10
    assert report.grown < MEMORY


NAMELESS_CALLS = [4643, 7377, 8075, 8133, 16246]
"""Streams whose only content is a tool call without a name: one for each of five ways to run a chain."""


def test_a_stream_of_nameless_tool_calls_ends_with_a_sentence() -> None:
    report = fuzz(NAMELESS_CALLS, at_once=1)
    assert report.problems == []
    assert report.endings == {"Failed: TOOL_CALLS_ONLY": len(NAMELESS_CALLS)}


class SlowRun:
    """What `wait_while_events_come` asks of a run, which ends at no time and for a while records an event a wait."""

    def __init__(self, events: int) -> None:
        self.events: list[int] = []
        self.waits = 0
        self._coming = events

    def wait(self, timeout: float) -> bool:
        assert timeout == BOUND
        self.waits += 1
        if len(self.events) < self._coming:
            self.events.append(self.waits)
        return False


def test_a_run_goes_on_where_it_has_not_ended_and_records_nothing_more() -> None:
    run = SlowRun(events=3)
    wait_while_events_come(cast("Run", run))
    assert (len(run.events), run.waits) == (3, 4)


def test_an_error_that_was_left_before_is_not_taken_for_a_streams() -> None:
    async def fail() -> None:
        raise LookupError("left")

    async def leave() -> None:
        task = asyncio.create_task(fail())
        # Collected with this list alone, which holds itself.
        left: list[Any] = [task]
        left.append(left)
        await asyncio.wait([task])

    gc.disable()
    runs = BackgroundLoop("watched")
    try:
        asyncio.run(leave())
        with watched(runs) as errors:
            gc.collect()
        assert errors == []
    finally:
        gc.enable()
        runs.close()


def test_a_number_gives_the_same_answer_each_time() -> None:
    assert [broken(seed) for seed in range(20)] == [broken(seed) for seed in range(20)]


def chunk(delta: Any, **more: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": None} | more]}


def read(*chunks: dict[str, Any]) -> list[dict[str, Any]]:
    completion = Completion(is_stream=True)
    return [completion.read(one) for one in chunks]


def deltas(*chunks: dict[str, Any]) -> list[Any]:
    return [one["choices"][0]["delta"] for one in read(*chunks)]


def test_the_text_is_that_of_the_first_choice() -> None:
    two = {"choices": [{"index": 1, "delta": {"content": "b"}}, {"index": 0, "delta": {"content": "a"}}]}
    assert deltas(two) == [{"content": "a"}]
    assert read(chunk({"content": "b"}, index=1))[0]["choices"] == []
    assert deltas({"choices": [{"delta": {"content": "a"}}]}) == [{"content": "a"}]


def test_text_in_parts_is_text() -> None:
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}, {"type": "image_url"}]
    assert deltas(chunk({"content": parts}), chunk({"content": None})) == [{"content": "ab"}, {"content": None}]
    assert deltas(chunk({"content": "a\ud83d"})) == [{"content": "a\ufffd"}]


def test_a_whole_message_in_a_stream_is_its_only_chunk() -> None:
    whole = {"choices": [{"index": 0, "message": {"role": "assistant", "content": "a"}, "finish_reason": "stop"}]}
    assert deltas(whole) == [{"role": "assistant", "content": "a"}]


def test_nobody_but_the_model_speaks() -> None:
    assert deltas(chunk({"role": "user", "content": "a"}), chunk({"role": 5})) == [
        {"role": "assistant", "content": "a"},
        {"role": "assistant"},
    ]


def test_the_first_finish_reason_counts() -> None:
    ends = read(chunk({}, finish_reason="stop"), chunk({}, finish_reason="length"), chunk({}, finish_reason=["a"]))
    assert [one["choices"][0]["finish_reason"] for one in ends] == ["stop", None, None]
    with pytest.raises(EndedInErrorError):
        read(chunk({}, finish_reason="stop"), chunk({}, finish_reason="error"))


def test_an_error_of_one_choice_is_the_servers() -> None:
    with pytest.raises(ReportedError, match="no memory left"):
        read(chunk({}, error={"message": "no memory left"}))


def usage(read: Any, written: Any, **more: Any) -> dict[str, Any]:
    return {"choices": [], "usage": {"prompt_tokens": read, "completion_tokens": written} | more}


def counted(*chunks: dict[str, Any]) -> list[tuple[int, int] | None]:
    found = [one["usage"] for one in read(*chunks)]
    return [one and (one["prompt_tokens"], one["completion_tokens"]) for one in found]


def test_a_usage_so_far_with_each_chunk_is_counted_once() -> None:
    assert counted(usage(9, 1), usage(9, 2), usage(9, 5)) == [(9, 1), (0, 1), (0, 3)]


@pytest.mark.parametrize("odd", [value for value in ODD_VALUES if type(value) is not int] + [-1, 10**400])
def test_what_is_no_number_of_tokens_is_not_counted(odd: Any) -> None:
    assert counted(usage(odd, 1), usage(1, odd), {"choices": [], "usage": odd}) == [None, None, None]
    assert counted(usage(2.0, 1, total_tokens=odd, prompt_tokens_details=odd)) == [(2, 1)]


@pytest.mark.slow
@pytest.mark.parametrize("path", PATHS, ids=str)
def test_whatever_stands_in_a_field_is_read_or_refused(path: tuple[Any, ...]) -> None:
    for odd in ODD_VALUES:
        value: Any = odd
        for key in reversed(path):
            value = [value] if isinstance(key, int) else {key: value}
        try:
            (made,) = read(value)
        except (EndedInErrorError, MalformedAnswerError, ReportedError):
            continue
        assert isinstance(made["choices"], list)
        json.dumps(made["choices"], ensure_ascii=False).encode()

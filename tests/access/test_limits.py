"""Limits of runs and tokens, and the errors when they are reached."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from langchain_core.language_models import FakeMessagesListChatModel, GenericFakeChatModel
from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatResult
from langchain_core.runnables import RunnableLambda

from tests.support.event_strategies import NO_COUNTS, nothing
from tests.support.gate import Gate
from weir.access.caller import Caller
from weir.access.limits import LimitKind, LimitReachedError, RunLimitConfig, RunLimiter
from weir.core.run_event import RunEvent
from weir.llm.replay_model import ReplayChatModel
from weir.runs.memory_run import MemoryRun
from weir.runs.recorder import Recorder
from weir.runs.run import Run, Status

ANN, BEN = Caller("ann", "10.0.0.1"), Caller("ben", "10.0.0.2")
NOON = 1_800_014_400.0
"""2027-01-15, 12:00 UTC."""


@dataclass
class Clock:
    now: float = NOON

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def gate() -> Gate:
    return Gate()


def finished(recorder: Recorder) -> Run:
    run = recorder.start(RunnableLambda(str), "go")
    assert run.wait(30)
    return run


def run_with_usage(recorder: Recorder, input_tokens: int, output_tokens: int) -> Run:
    """Return a run whose model reports this usage."""
    model = ReplayChatModel.from_texts(["Enough."], input_tokens=input_tokens, output_tokens=output_tokens)
    run = recorder.start(model, "go")
    assert run.wait(30)
    return run


def live_run(recorder: Recorder, gate: Gate) -> Run:
    """Return a live run whose model has answered without reporting usage."""
    model = GenericFakeChatModel(messages=iter([AIMessage("One two three.")]))
    run = recorder.start(model | gate.chain(), "a prompt that has a good many bytes " * 4)
    assert gate.reached.wait(30)
    return run


def start_error(limits: RunLimiter, caller: Caller, recorder: Recorder) -> LimitReachedError:
    with pytest.raises(LimitReachedError) as reached:
        limits.start(caller, lambda: finished(recorder))
    return reached.value


def test_without_a_quota_everything_may_start(recorder: Recorder, gate: Gate) -> None:
    limits = RunLimiter(RunLimitConfig())
    runs = [limits.start(ANN, lambda: recorder.start(gate.chain(), "go")) for _ in range(20)]
    assert limits.low_quotas("ann") == []
    for run in runs:
        run.stop()


@pytest.mark.parametrize(
    ("quota", "limit", "other_may"),
    [
        (RunLimitConfig(live=2), LimitKind.LIVE, False),
        (RunLimitConfig(live_per_visitor=2), LimitKind.LIVE_PER_VISITOR, True),
        (RunLimitConfig(live_per_address=2), LimitKind.LIVE_PER_ADDRESS, True),
    ],
)
def test_a_place_among_live_runs_is_free_again_when_one_ends(
    recorder: Recorder, gate: Gate, quota: RunLimitConfig, limit: LimitKind, other_may: bool
) -> None:
    limits = RunLimiter(quota)
    first, second = (limits.start(ANN, lambda: recorder.start(gate.chain(), "go")) for _ in range(2))
    assert start_error(limits, ANN, recorder).limit is limit
    if other_may:
        limits.start(BEN, lambda: finished(recorder))
    else:
        assert start_error(limits, BEN, recorder).limit is limit
    first.stop()
    assert first.wait(30)
    limits.start(ANN, lambda: finished(recorder))
    second.stop()


def test_a_visitor_who_forgets_the_cookie_is_still_one_address(recorder: Recorder, gate: Gate) -> None:
    limits = RunLimiter(RunLimitConfig(live_per_visitor=1, live_per_address=2))
    runs = [limits.start(Caller(name, "10.0.0.1"), lambda: recorder.start(gate.chain(), "go")) for name in ("a", "b")]
    assert start_error(limits, Caller("c", "10.0.0.1"), recorder).limit is LimitKind.LIVE_PER_ADDRESS
    for run in runs:
        run.stop()


def test_an_unknown_address_is_nobodys(recorder: Recorder, gate: Gate) -> None:
    limits = RunLimiter(RunLimitConfig(live_per_address=1))
    runs = [limits.start(Caller(name), lambda: recorder.start(gate.chain(), "go")) for name in ("a", "b")]
    for run in runs:
        run.stop()


def test_of_many_starts_at_once_no_more_pass_than_there_are_places(recorder: Recorder, gate: Gate) -> None:
    limits = RunLimiter(RunLimitConfig(live=3))
    passed: list[Run] = []
    refused: list[LimitReachedError] = []
    together = threading.Barrier(16)

    def start() -> None:
        together.wait()
        try:
            passed.append(limits.start(ANN, lambda: recorder.start(gate.chain(), "go")))
        except LimitReachedError as reached:
            refused.append(reached)

    threads = [threading.Thread(target=start) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(passed), len(refused)) == (3, 13)
    for run in passed:
        run.stop()


def test_starts_are_counted_over_the_last_minute(recorder: Recorder, clock: Clock) -> None:
    limits = RunLimiter(RunLimitConfig(starts_per_minute=2), clock=clock)
    limits.start(ANN, lambda: finished(recorder))
    clock.now += 40
    limits.start(ANN, lambda: finished(recorder))
    reached = start_error(limits, ANN, recorder)
    assert (reached.limit, reached.seconds) == (LimitKind.STARTS_PER_MINUTE, 20)
    assert str(reached).endswith("Try again in 20 s.")
    limits.start(BEN, lambda: finished(recorder))
    clock.now += 20
    limits.start(ANN, lambda: finished(recorder))


def test_starts_of_all_together_are_counted_too(recorder: Recorder, clock: Clock) -> None:
    limits = RunLimiter(RunLimitConfig(total_starts_per_minute=2), clock=clock)
    limits.start(BEN, lambda: finished(recorder))
    clock.now += 10
    limits.start(ANN, lambda: finished(recorder))
    assert [left.limit for left in limits.low_quotas("anybody")] == [LimitKind.TOTAL_STARTS_PER_MINUTE]
    reached = start_error(limits, ANN, recorder)
    assert (reached.limit, reached.seconds) == (LimitKind.TOTAL_STARTS_PER_MINUTE, 50)
    clock.now += 50
    limits.start(ANN, lambda: finished(recorder))


def test_a_start_that_fails_is_not_counted(recorder: Recorder) -> None:
    limits = RunLimiter(RunLimitConfig(starts_per_minute=1, live=1))

    def broken() -> Run:
        raise RuntimeError("planned by the test")

    with pytest.raises(RuntimeError):
        limits.start(ANN, broken)
    limits.start(ANN, lambda: finished(recorder))


def test_tokens_are_told_when_few_are_left_refused_when_none_are_and_given_anew_at_midnight(
    recorder: Recorder, clock: Clock
) -> None:
    limits = RunLimiter(RunLimitConfig(tokens_per_day=1_000), clock=clock)
    limits.start(ANN, lambda: run_with_usage(recorder, 300, 400))
    assert limits.low_quotas("ann") == []
    limits.start(ANN, lambda: run_with_usage(recorder, 100, 50))
    (left,) = limits.low_quotas("ann")
    assert (left.limit, left.left, left.of) == (LimitKind.TOKENS_PER_DAY, 150, 1_000)
    # What goes beyond is only known afterwards.
    limits.start(ANN, lambda: run_with_usage(recorder, 500, 500))
    reached = start_error(limits, ANN, recorder)
    assert (reached.limit, reached.seconds) == (LimitKind.TOKENS_PER_DAY, 12 * 3600)
    assert str(reached) == "You have used your tokens for today. Try again in 12 h 0 min, after midnight UTC."
    assert limits.low_quotas("ann")[0].left == 0
    limits.start(BEN, lambda: run_with_usage(recorder, 1, 1))
    clock.now += reached.seconds
    limits.start(ANN, lambda: run_with_usage(recorder, 1, 1))
    assert limits.low_quotas("ann") == []


def test_all_visitors_together_have_a_bound_that_new_cookies_do_not_move(recorder: Recorder, clock: Clock) -> None:
    limits = RunLimiter(RunLimitConfig(tokens_per_day=900, total_tokens_per_day=1_000), clock=clock)
    for name in ("a", "b"):
        limits.start(Caller(name), lambda: run_with_usage(recorder, 250, 250))
    assert start_error(limits, Caller("c"), recorder).limit is LimitKind.TOTAL_TOKENS_PER_DAY


def test_what_a_live_run_has_used_counts_before_it_ends(recorder: Recorder, gate: Gate) -> None:
    limits = RunLimiter(RunLimitConfig(tokens_per_day=10))
    run = limits.start(ANN, lambda: live_run(recorder, gate))
    assert start_error(limits, ANN, recorder).limit is LimitKind.TOKENS_PER_DAY
    run.stop()


def test_a_run_that_was_stopped_costs_what_it_is_estimated_at(recorder: Recorder, gate: Gate) -> None:
    limits = RunLimiter(RunLimitConfig(tokens_per_day=30))
    run = limits.start(ANN, lambda: live_run(recorder, gate))
    run.stop()
    assert run.wait(30)
    assert start_error(limits, ANN, recorder).limit is LimitKind.TOKENS_PER_DAY


def test_a_replay_costs_no_tokens(recorder: Recorder) -> None:
    limits = RunLimiter(RunLimitConfig(tokens_per_day=10))
    limits.start(ANN, lambda: run_with_usage(recorder, 50, 50), costs_tokens=False)
    limits.start(ANN, lambda: finished(recorder))


def test_a_call_that_reached_nobody_costs_nothing(recorder: Recorder) -> None:
    def refused(_: str) -> str:
        raise RuntimeError("planned by the test")

    limits = RunLimiter(RunLimitConfig(tokens_per_day=1))
    model = GenericFakeChatModel(messages=map(refused, ["once"]))
    run = limits.start(ANN, lambda: recorder.start(model, "a prompt that has a good many bytes " * 4))
    assert run.wait(30)
    assert [event.event for event in run.events] == ["on_chat_model_start", "on_chat_model_error"]
    limits.start(ANN, lambda: finished(recorder))


class MiscountingModel(FakeMessagesListChatModel):
    """A chat model whose server reports token counts that are not numbers."""

    usage: Any = None

    def _generate(self, *args: Any, **kwargs: Any) -> ChatResult:
        result = super()._generate(*args, **kwargs)
        result.generations[0].message.usage_metadata = self.usage  # type: ignore[attr-defined]
        return result


@pytest.mark.parametrize("count", NO_COUNTS, ids=lambda count: repr(count)[:20])
def test_after_an_answer_with_a_count_that_is_none_everybody_may_go_on(recorder: Recorder, count: Any) -> None:
    limits = RunLimiter(RunLimitConfig(live=1, tokens_per_day=1_000_000))
    model = MiscountingModel(
        responses=[AIMessage("A weir.")], usage={"input_tokens": count, "output_tokens": count, "total_tokens": count}
    )
    run = limits.start(ANN, lambda: recorder.start(model, "What is a weir?"))
    assert run.wait(30)
    assert run.events[-1].event == "on_chat_model_end"
    for visitor in (ANN, BEN):
        assert limits.start(visitor, lambda: finished(recorder)).status == "done"
    assert limits.low_quotas("ann") == []


class Uncountable(MemoryRun):
    """A run whose events cannot be read."""

    @property
    def events(self) -> Sequence[RunEvent]:
        raise RuntimeError("the record is damaged")


def test_a_run_that_cannot_be_counted_frees_its_place_and_is_logged_once(
    recorder: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    limits = RunLimiter(RunLimitConfig(live=1, tokens_per_day=20))
    run = Uncountable("damaged", "chain", None, context={}, created_at=0.0, cancel=nothing, on_last_reader_left=nothing)
    limits.start(ANN, lambda: run)
    assert start_error(limits, BEN, recorder).limit is LimitKind.LIVE
    run.close(Status.DONE, None)
    limits.start(BEN, lambda: run_with_usage(recorder, 15, 5))
    assert start_error(limits, BEN, recorder).limit is LimitKind.TOKENS_PER_DAY
    assert [record.getMessage() for record in caplog.records] == ["the tokens of run damaged cannot be counted"]

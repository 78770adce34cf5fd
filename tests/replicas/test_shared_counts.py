"""Limits of several replicas together."""

import contextlib
import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.redis_process import RedisProcess
from tests.support.replica_parts import Replica, Steps, replica
from tests.support.waiting import until
from weir.access.caller import Caller
from weir.access.limits import LimitKind, LimitReachedError, RunLimitConfig, RunLimiter
from weir.runs.run import Run

ANN, BEN = Caller("ann", "10.0.0.1"), Caller("ben", "10.0.0.2")


@pytest.fixture
def pair(redis_server: RedisProcess) -> Iterator[tuple[Replica, Replica]]:
    with replica(redis_server.url) as one, replica(redis_server.url) as other:
        until(lambda: one.group.mirror.connected_at and other.group.mirror.connected_at)
        yield one, other


def limiter(there: Replica, config: RunLimitConfig) -> RunLimiter:
    return RunLimiter(config, common=there.group.counts)


def start(there: Replica, limits: RunLimiter, caller: Caller) -> tuple[Run, Steps]:
    begun: list[Steps] = []

    def begin() -> Run:
        run, steps = there.start(caller.visitor)
        begun.append(steps)
        return run

    return limits.start(caller, begin), begun[0]


def refusal(there: Replica, limits: RunLimiter, caller: Caller) -> LimitReachedError:
    with pytest.raises(LimitReachedError) as reached:
        start(there, limits, caller)
    return reached.value


@pytest.mark.parametrize(
    ("config", "kind", "other_may"),
    [
        (RunLimitConfig(live=1), LimitKind.LIVE, False),
        (RunLimitConfig(live_per_address=1), LimitKind.LIVE_PER_ADDRESS, True),
        (RunLimitConfig(live_per_visitor=1), LimitKind.LIVE_PER_VISITOR, True),
    ],
    ids=["all", "address", "visitor"],
)
def test_live_runs_count_on_all_replicas_until_they_end(
    pair: tuple[Replica, Replica], config: RunLimitConfig, kind: LimitKind, other_may: bool
) -> None:
    here, there = pair
    limits, other_limits = limiter(here, config), limiter(there, config)
    run, steps = start(here, limits, ANN)
    assert refusal(there, other_limits, ANN).limit is kind
    error = other_limits.limit_error(ANN)
    assert error is not None
    assert error.limit is kind
    assert (other_limits.limit_error(BEN) is None) is other_may
    steps.end()
    assert run.wait(30)
    # On its own replica at once, and elsewhere with the next batch.
    assert limits.limit_error(ANN) is None
    until(lambda: other_limits.limit_error(ANN) is None)
    run, steps = start(there, other_limits, ANN)
    steps.end()


@pytest.mark.parametrize("kind", [LimitKind.STARTS_PER_MINUTE, LimitKind.TOTAL_STARTS_PER_MINUTE])
def test_starts_count_on_all_replicas(pair: tuple[Replica, Replica], kind: LimitKind) -> None:
    of_all = kind is LimitKind.TOTAL_STARTS_PER_MINUTE
    config = RunLimitConfig(total_starts_per_minute=2) if of_all else RunLimitConfig(starts_per_minute=2)
    limits = [limiter(one, config) for one in pair]
    for one, limit in zip(pair, limits, strict=True):
        start(one, limit, ANN)[1].end()
    assert [(left.limit, left.left) for left in limits[0].low_quotas("ann")] == [(kind, 0)]
    error = refusal(pair[0], limits[0], ANN)
    assert error.limit is kind
    assert 0 < error.seconds <= 60
    assert (limits[1].limit_error(BEN) is None) is not of_all


def test_tokens_count_on_all_replicas(pair: tuple[Replica, Replica]) -> None:
    here, there = pair
    here.group.counts.set_tokens("2026-11-29", {"ann": 70, "ben": 20})
    there.group.counts.set_tokens("2026-11-29", {"ann": 25})
    # What is sent twice counts once.
    there.group.counts.set_tokens("2026-11-29", {"ann": 30})
    until(lambda: here.group.counts.usage("ann", "2026-11-29")[:2] == (100, 120))
    maximum = [(LimitKind.TOKENS_PER_DAY.name, 100, 7)]
    reached = here.group.counts.reserve(("", "ann", ""), maximum, day="2026-11-29", seconds_to_midnight=9.0)
    assert reached == (LimitKind.TOKENS_PER_DAY.name, 9.0)
    assert here.group.counts.reserve(("", "ben", ""), maximum, day="2026-11-29", seconds_to_midnight=9.0) is None


def test_of_many_starts_at_once_no_more_pass_than_there_are_places(pair: tuple[Replica, Replica]) -> None:
    limits = [limiter(one, RunLimitConfig(live=5)) for one in pair]
    passed: list[tuple[Run, Steps]] = []

    def attempt(number: int) -> None:
        with contextlib.suppress(LimitReachedError):
            passed.append(start(pair[number % 2], limits[number % 2], ANN))

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(attempt, range(24)))
    assert len(passed) == 5
    for _, steps in passed:
        steps.end()


def test_a_replica_counts_for_itself_while_redis_is_away(
    pair: tuple[Replica, Replica], redis_server: RedisProcess, caplog: pytest.LogCaptureFixture
) -> None:
    here, there = pair
    config = RunLimitConfig(live=1)
    limits, other_limits = limiter(here, config), limiter(there, config)
    redis_server.kill()
    until(lambda: here.group.problem and there.group.problem)
    with caplog.at_level(logging.WARNING, "weir.access.common_limits"):
        run, steps = start(here, limits, ANN)
        other, other_steps = start(there, other_limits, ANN)
    assert "counts runs and tokens for itself" in caplog.text
    assert refusal(here, limits, ANN).limit is LimitKind.LIVE
    redis_server.start()
    until(lambda: not here.group.problem and not there.group.problem)
    steps.end()
    other_steps.end()
    assert run.wait(30)
    assert other.wait(30)
    start(here, limits, ANN)[1].end()
    assert "together again" in caplog.text

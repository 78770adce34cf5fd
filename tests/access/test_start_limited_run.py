"""`start_limited_run`: runs start within the limits, and have an owner who may share and stop them."""

import pytest
from langchain_core.runnables import RunnableLambda

from tests.support.gate import Gate
from weir.access.caller import Caller
from weir.access.limits import LimitReachedError, RunLimitConfig, RunLimiter, start_limited_run
from weir.runs.recorder import Recorder
from weir.runs.run_store import RunNotSharedError, get_readable_run

ANN, BEN = Caller.from_identity("ann"), Caller.from_identity("ben")


def test_a_run_is_its_visitors_and_only_theirs_once_it_is_not_shared(recorder: Recorder) -> None:
    run = start_limited_run(RunLimiter(RunLimitConfig()), ANN, lambda: recorder.start(RunnableLambda(str), "go"))
    assert get_readable_run(recorder.store, run.id, BEN.visitor) is run
    run.is_shared = False
    assert get_readable_run(recorder.store, run.id, ANN.visitor) is run
    for other in (BEN.visitor, ""):
        with pytest.raises(RunNotSharedError):
            get_readable_run(recorder.store, run.id, other)


def test_a_run_of_nobody_that_is_not_shared_is_read_by_nobody(recorder: Recorder) -> None:
    run = recorder.start(RunnableLambda(str), "go")
    run.is_shared = False
    assert not run.can_read("")


def test_a_run_is_stopped_by_its_visitor_alone_and_one_of_nobody_by_whoever_may_read_it(recorder: Recorder) -> None:
    run = start_limited_run(RunLimiter(RunLimitConfig()), ANN, lambda: recorder.start(RunnableLambda(str), "go"))
    assert run.can_stop(ANN.visitor)
    assert not run.can_stop(BEN.visitor)
    assert not run.can_stop("")
    nobodys = recorder.start(RunnableLambda(str), "go")
    assert nobodys.can_stop(BEN.visitor)
    nobodys.is_shared = False
    assert not nobodys.can_stop(BEN.visitor)


def test_a_start_beyond_a_limit_is_no_run(recorder: Recorder) -> None:
    gate = Gate()
    limits = RunLimiter(RunLimitConfig(live=1))
    run = start_limited_run(limits, ANN, lambda: recorder.start(gate.chain(), "go"))
    assert limits.limit_error(ANN) is not None
    with pytest.raises(LimitReachedError):
        start_limited_run(limits, BEN, lambda: recorder.start(RunnableLambda(str), "go"))
    assert recorder.store.runs() == [run]
    run.stop()
    assert run.wait(30)
    assert limits.limit_error(ANN) is None

"""A recording that is saved from a page: whether it may be is settled when the button is pressed."""

from langchain_core.runnables import RunnableLambda

from pages.components.inspector.recordings import content_for
from streaming.admission import admit
from streaming.limits import Limits, Quota
from streaming.party import Party
from streaming.recorder import Recorder
from streaming.recording import lines

ANN, BEN = Party.of("ann"), Party.of("ben")


def test_a_run_that_was_taken_back_is_saved_by_its_owner_alone(recorder: Recorder) -> None:
    run = admit(Limits(Quota()), ANN, lambda: recorder.start(RunnableLambda(str), "a canary"))
    assert run.wait(5)
    whole = b"".join(lines(run))
    assert content_for(run, BEN.visitor) == whole
    run.is_shared = False
    assert content_for(run, ANN.visitor) == whole
    refused = content_for(run, BEN.visitor)
    assert b"not shared any more" in refused
    assert b"canary" not in refused
    assert refused.count(b"\n") == 1

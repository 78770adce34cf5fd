"""Recordings that are saved from a page: access is checked when the button is pressed."""

from langchain_core.runnables import RunnableLambda

from pages.components.session.recordings import content_for, file_id
from weir.access.caller import Caller
from weir.access.limits import RunLimitConfig, RunLimiter, start_limited_run
from weir.core.run_event import Component, RunEvent
from weir.runs.memory_run import MemoryRun
from weir.runs.recorder import Recorder
from weir.runs.recording_file import MAX_BYTES, is_too_large, size, to_jsonl
from weir.runs.run import Status

ANN, BEN = Caller.from_identity("ann"), Caller.from_identity("ben")


def test_recording_of_an_unshared_run_is_for_its_owner_only(recorder: Recorder) -> None:
    run = start_limited_run(RunLimiter(RunLimitConfig()), ANN, lambda: recorder.start(RunnableLambda(str), "a canary"))
    assert run.wait(30)
    whole = b"".join(to_jsonl(run))
    assert content_for(run, BEN.visitor) == whole
    run.is_shared = False
    assert content_for(run, ANN.visitor) == whole
    refused = content_for(run, BEN.visitor)
    assert b"not shared any more" in refused
    assert b"canary" not in refused
    assert refused.count(b"\n") == 1


def test_is_too_large_before_the_recording_is_saved() -> None:
    run = MemoryRun(
        "id-1", "story", "", context={}, created_at=0, cancel=lambda: None, on_last_reader_left=lambda: None
    )
    source = Component("story", "id-1", (), ("tag",), {"key": "value"})
    payload = b'{"chunk":"' + b"a" * 1_000_000 + b'"}'
    for seq in range(63):
        run.append(RunEvent(seq, seq / 7, "on_chain_stream", source, payload))
    assert not is_too_large(run)
    run.append(RunEvent(63, 9.5, "on_chain_stream", source, payload))
    run.close(Status.DONE, None)
    assert size(run) == sum(map(len, to_jsonl(run)))
    assert size(run) > MAX_BYTES
    assert is_too_large(run)


def test_file_id_takes_no_path_from_a_recording() -> None:
    ids = ["0199-ab", "../../etc/passwd", 'a"b', "a\nb", ""]
    runs = [
        MemoryRun(
            "rec-1",
            "",
            "",
            context={},
            created_at=0,
            cancel=lambda: None,
            on_last_reader_left=lambda: None,
            recorded_id=recorded,
        )
        for recorded in ids
    ]
    assert [file_id(run) for run in runs] == ["0199-ab", "rec-1", "rec-1", "rec-1", "rec-1"]

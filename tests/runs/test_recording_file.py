import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.runnables import RunnableLambda, RunnableParallel

from weir.analysis.run_tree import run_tree
from weir.core import serialization
from weir.core.run_event import Component, RunEvent
from weir.runs import recording_file
from weir.runs.failure_sentences import Failure, FailureKind
from weir.runs.memory_run import MemoryRun
from weir.runs.recorder import Recorder
from weir.runs.recording_file import RecordingError
from weir.runs.run import Run, Status

ODD = {"big": 2**80, "half": "\ud83d", "float": 1e-9, "text": "å \u2028 \x00", "none": None, "nested": [[{}]]}


def nothing() -> None: ...


def new_run(*values: Any, status: Status = Status.DONE, failure: Failure | None = None) -> Run:
    run = MemoryRun(
        "id-1",
        "story",
        {"topic": "x"},
        context={"page": "story"},
        created_at=12.5,
        cancel=nothing,
        on_last_reader_left=nothing,
    )
    source = Component("story", "id-1", (), ("mine",), {"ls_provider": "openai"})
    for seq, value in enumerate(values):
        run.append(RunEvent(seq, seq / 7, "on_chain_stream", source, serialization.dumps({"chunk": value})))
    if status is not Status.RUNNING:
        run.close(status, failure)
    return run


def exported(run: Run) -> bytes:
    return b"".join(recording_file.to_jsonl(run))


def round_trip(run: Run) -> Run:
    content = exported(run)
    opened = recording_file.from_jsonl(content)
    assert exported(opened) == content
    return opened


def test_a_run_of_a_real_chain_is_the_same_after_the_round_trip(recorder: Recorder) -> None:
    chain = RunnableLambda(str.strip) | RunnableParallel(loud=RunnableLambda(str.upper), same=RunnableLambda(str))
    run = recorder.start(chain, " go ", context={"page": "events"})
    assert run.wait(30)
    opened = round_trip(run)
    assert [event.as_dict() for event in opened.events] == [event.as_dict() for event in run.events]
    assert (opened.name, opened.input, opened.context, opened.status) == (
        run.name,
        " go ",
        {"page": "events"},
        run.status,
    )
    assert opened.is_recording
    assert opened.id != run.id
    assert opened.recorded_id == run.id
    first, second = run_tree(run.events), run_tree(opened.events)
    assert first
    assert second
    assert [node.name for node in first.walk()] == [node.name for node in second.walk()]


def test_odd_values_keep_their_bytes() -> None:
    assert round_trip(new_run(ODD)).events[0].payload == serialization.dumps({"chunk": ODD})


@given(
    st.recursive(
        st.none() | st.integers() | st.floats() | st.text() | st.booleans(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
@settings(deadline=None)
def test_any_value_keeps_its_bytes(value: Any) -> None:
    round_trip(new_run(value, value))


def test_a_failure_and_a_live_run_keep_how_they_ended() -> None:
    failed = round_trip(new_run("a", status=Status.FAILED, failure=Failure(FailureKind.CUT, "RemoteProtocolError")))
    assert failed.failure == Failure(FailureKind.CUT, "RemoteProtocolError")
    live = round_trip(new_run("a", "b", status=Status.RUNNING))
    assert not live.is_live
    assert live.is_truncated


def test_a_serialized_langchain_object_stays_json() -> None:
    prompt = {"lc": 1, "type": "constructor", "id": ["langchain_core", "prompts", "PromptTemplate"], "kwargs": {}}
    (opened,) = round_trip(new_run(prompt)).events
    assert opened.data == {"chunk": prompt}
    assert type(opened.data["chunk"]) is dict


def test_unknown_fields_are_ignored() -> None:
    first, *rest = exported(new_run("a")).split(b"\n")
    header = json.loads(first) | {"colour": "teal"}
    assert recording_file.from_jsonl(b"\n".join([json.dumps(header).encode(), *rest])).events[0].data == {"chunk": "a"}


def lines_of(*values: Any) -> list[bytes]:
    return exported(new_run(*values)).split(b"\n")


def changed(number: int, **fields: Any) -> bytes:
    lines = lines_of("a", "b")
    lines[number] = json.dumps(json.loads(lines[number]) | fields).encode()
    return b"\n".join(lines)


DAMAGED = {
    "empty": b"",
    "foreign text": b"Dear diary,\ntoday",
    "foreign json": b'{"log": {"version": "1.2"}}\n',
    "a list": b"[1, 2]\n",
    "binary": bytes(range(256)) * 4,
    "pickle": b"\x80\x04\x95\x00\x00\x00\x00",
    "deep": b"[" * 100_000,
    "deep event": lines_of("a")[0] + b'\n{"data":' + b"[" * 900 + b"]" * 900 + b"}\n",
    "deep objects": lines_of("a")[0] + b'\n{"data":' + b'{"a":' * 500 + b"1" + b"}" * 500 + b"}\n",
    "newer version": changed(0, version=2),
    "no header fields": b'{"format": "weir-recording", "version": 1}\n',
    "half a line": exported(new_run("a", "b"))[:-60],
    "missing line": b"\n".join(line for number, line in enumerate(lines_of("a", "b")) if number != 1),
    "back in time": changed(1, at=99.0),
    "endless time": changed(1, at=1e400),
    "time as text": changed(1, at="0.1"),
    "name as list": changed(1, name=[]),
    "markup for an event": changed(1, event="<script>"),
    "unknown end": changed(3, end={"status": "won"}),
    "NaN": changed(1, at=float("nan")),
    "huge integer": lines_of("a")[0] + b'\n{"seq":' + b"9" * 5_000 + b"}\n",
}


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_or_foreign_file_gives_one_sentence(content: bytes) -> None:
    with pytest.raises(RecordingError) as caught:
        recording_file.from_jsonl(content)
    sentence = str(caught.value)
    assert sentence.endswith(".")
    assert "\n" not in sentence
    assert len(sentence) < 200


def test_a_file_over_the_bound_is_refused_unread() -> None:
    with pytest.raises(RecordingError, match="64 MB"):
        recording_file.from_jsonl(bytes(recording_file.MAX_BYTES + 1))


@given(st.data())
@settings(deadline=None, max_examples=300)
def test_a_file_with_any_byte_changed_is_opened_or_refused(data: st.DataObject) -> None:
    content = bytearray(exported(new_run("a", {"content": "b"})))
    content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        opened = recording_file.from_jsonl(bytes(content))
    except RecordingError:
        return
    assert len(opened.events) == 2

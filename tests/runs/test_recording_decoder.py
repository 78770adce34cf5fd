"""Lines of a recording: which are accepted, which are rejected, and with which message."""

import json
from pathlib import Path
from typing import Any

import pytest

from weir.core import serialization
from weir.core.run_event import RunEvent
from weir.runs import recording_decoder
from weir.runs.failure_sentences import Failure, FailureKind
from weir.runs.recording_decoder import Decoder
from weir.runs.recording_encoder import encode
from weir.runs.recording_lines import End, Header, Line, RecordingError
from weir.runs.run import Status

SAMPLES = Path(__file__).parents[2] / "pages" / "assets" / "recordings"
HEADER: dict[str, Any] = {"id": "id-1", "name": "story", "created_at": 12.5, "input": "x", "context": {}}
EVENT: dict[str, Any] = {
    "seq": 0,
    "at": 0.5,
    "event": "on_chain_stream",
    "name": "story",
    "run_id": "id-1",
    "parent_ids": [],
    "tags": ["seq:step:1"],
    "metadata": {"ls_provider": "openai"},
    "data": {"chunk": "a"},
}


def header(**fields: Any) -> bytes:
    return json.dumps({"format": "weir-recording", "version": 1, "run": HEADER | fields}).encode()


def event(**fields: Any) -> bytes:
    return json.dumps(EVENT | fields).encode()


def decoded(*lines: bytes) -> list[Line]:
    decoder = Decoder()
    return [decoder.decode(line) for line in lines]


def test_events_of_one_component_share_one_object() -> None:
    _, *events = decoded(header(), event(), event(seq=1), event(seq=2, metadata={}), event(seq=3, name="custom"))
    sources = [one.component for one in events if isinstance(one, RunEvent)]
    assert sources[0] is sources[1]
    assert [source.name for source in sources] == ["story", "story", "story", "custom"]
    assert sources[2].metadata == {}


def test_metadata_that_is_equal_in_python_only_is_kept_apart() -> None:
    _, *events = decoded(header(), event(metadata={"a": 1}), event(seq=1, metadata={"a": True}))
    assert [one.component.metadata["a"] is True for one in events if isinstance(one, RunEvent)] == [False, True]


ODD_EVENTS = {
    "data is a list": (event(data=[1]), "data: input should be an object"),
    "data is missing": (
        json.dumps({key: EVENT[key] for key in EVENT if key != "data"}).encode(),
        "data: field required",
    ),
    "data is text of a model": (event(event="on_chat_model_end", data="x"), "data: input should be an object"),
    "seq is no number": (event(seq="0"), "seq: input should be a valid integer"),
    "seq is huge": (event(seq=2**70), "seq: input should be a valid integer"),
    "seq is negative": (event(seq=-1), "seq: input should be greater than or equal to 0"),
    "at is true": (event(at=True), "at: input should be a valid number"),
    "at is negative": (event(at=-0.5), "at: input should be greater than or equal to 0"),
    "at is endless": (event(at=1e308), "at: input should be less than or equal to"),
    "at is NaN": (event(at=float("nan")), "not JSON"),
    "event ends with a line": (event(event="on_chain_end\n"), "event: string should match"),
    "event is a number": (event(event=1), "event: input should be a valid string"),
    "name is half a pair": (event(name="\ud800"), "name: input should be a valid string"),
    "tag is half a pair": (event(tags=["\ud800"]), "tags.0: input should be a valid string"),
    "tags are text": (event(tags="abc"), "tags: input should be a valid list"),
    "tag is a number": (event(tags=["a", 1]), "tags.1: input should be a valid string"),
    "parents are missing": (event(parent_ids=None), "parent_ids: input should be a valid list"),
    "parent is itself": (event(parent_ids=["root", "id-1"]), "a component cannot be its own parent"),
    "parent is a list": (event(parent_ids=[[]]), "parent_ids.0: input should be a valid string"),
    "metadata is a list": (event(metadata=[]), "metadata: input should be a valid dictionary"),
    "nested deeply": (event(data={"chunk": serialization.loads(b"[" * 200 + b"]" * 200)}), "nested too deeply"),
    "a list": (b"[1]", "not a JSON object"),
    "an empty line": (b"\n", "not JSON"),
    "many lists": (event(data={"chunk": 0}).replace(b"0}", b"[" + b"[]," * 1_000_001 + b"0]}"), "1,000,000 lists"),
    "much metadata": (event(metadata={"a": [0] * 1_000_001}), "metadata of this recording have more than 1,000,000"),
}


@pytest.mark.parametrize(("line", "problem"), ODD_EVENTS.values(), ids=ODD_EVENTS)
def test_an_odd_event_is_refused_with_its_line_and_its_problem(line: bytes, problem: str) -> None:
    with pytest.raises(RecordingError) as caught:
        decoded(header(), line)
    assert problem in str(caught.value)
    assert "Line 2 of" in str(caught.value) or "this recording have more" in str(caught.value)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"created_at": 1e308}, "created_at: input should be less than or equal to"),
        ({"created_at": -1e20}, "created_at: input should be greater than or equal to 0"),
        ({"created_at": "now"}, "created_at: input should be a valid number"),
        ({"id": ""}, "id: string should have at least 1 character"),
        ({"name": ["story"]}, "name: input should be a valid string"),
        ({"context": [1]}, "context: input should be a valid dictionary"),
    ],
)
def test_an_odd_header_is_refused_with_its_problem(fields: dict[str, Any], problem: str) -> None:
    with pytest.raises(RecordingError, match="header is damaged") as caught:
        decoded(header(**fields))
    assert problem in str(caught.value)


@pytest.mark.parametrize(
    "end",
    [
        {"status": "won"},
        {"status": ["done"]},
        {"status": "failed", "failure": "cut"},
        {"status": "failed", "failure": {"kind": 1, "detail": ""}},
        [],
        None,
    ],
)
def test_an_odd_end_is_refused(end: Any) -> None:
    with pytest.raises(RecordingError, match="The end of this recording, line 2, is damaged: "):
        decoded(header(), json.dumps({"end": end}).encode())


def test_nothing_comes_after_the_end() -> None:
    end = encode(End(Status.DONE, None))
    with pytest.raises(RecordingError, match="Line 3 of this recording comes after its end"):
        decoded(header(), end, event())


LENIENT = {
    "an unknown event": (event(event="on_chain_pause"), "on_chain_pause"),
    "a field more": (event(colour="teal"), "on_chain_stream"),
    "parents that are not there": (event(parent_ids=["x", "x", "y"]), "on_chain_stream"),
    "data of a custom event": (event(event="on_custom_event", data=[1]), "on_custom_event"),
    "any data": (event(data={"chunk": {"content": [1, 2], "usage_metadata": "many"}}), "on_chain_stream"),
    "a tag with an odd digit": (event(tags=["seq:step:²"]), "on_chain_stream"),
}


@pytest.mark.parametrize(("line", "kind"), LENIENT.values(), ids=LENIENT)
def test_what_is_unknown_but_in_form_is_taken(line: bytes, kind: str) -> None:
    _, read = decoded(header(), line)
    assert isinstance(read, RunEvent)
    assert read.event == kind


def test_many_brackets_in_a_text_are_no_lists() -> None:
    text = "[{" * recording_decoder.MAX_CONTAINERS
    _, read = decoded(header(), event(data={"chunk": text}))
    assert isinstance(read, RunEvent)
    assert read.data == {"chunk": text}


def test_a_time_that_goes_back_a_little_is_the_one_before_it() -> None:
    _, *events = decoded(header(), event(at=70.0), event(seq=1, at=69.9), event(seq=2, at=10.5), event(seq=3, at=71.0))
    assert [one.elapsed for one in events if isinstance(one, RunEvent)] == [70.0, 70.0, 70.0, 71.0]


def test_a_time_that_goes_back_further_is_refused() -> None:
    with pytest.raises(RecordingError, match="Line 4 of this recording goes back in time"):
        decoded(header(), event(at=70.0), event(seq=1, at=30.0), event(seq=2, at=9.0))


def test_half_a_surrogate_pair_in_a_name_or_a_detail_is_replaced() -> None:
    failure = {"kind": "of the future", "detail": "bad \ud83d"}
    read, end = decoded(header(name="a\ud800"), json.dumps({"end": {"status": "failed", "failure": failure}}).encode())
    assert isinstance(read, Header)
    assert read.name == "a\ufffd"
    assert end == End(Status.FAILED, Failure(FailureKind.INTERNAL, "bad \ufffd"))


class SlowDecoder(Decoder):
    """Reads and checks each line in whole."""

    def _event_as_before(self, line: bytes) -> RunEvent | None:  # noqa: ARG002
        return None


def read(decoder: Decoder, lines: list[bytes]) -> list[Line | str]:
    """Return what a decoder reads, up to its first error."""
    found: list[Line | str] = []
    for line in lines:
        try:
            found.append(decoder.decode(line))
        except RecordingError as error:
            return [*found, str(error)]
    return found


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("*.jsonl")), ids=lambda path: path.stem)
def test_lines_like_earlier_ones_are_read_as_if_they_were_checked_in_whole(path: Path) -> None:
    lines = path.read_bytes().splitlines(keepends=True)
    assert read(Decoder(), lines) == read(SlowDecoder(), lines)
    assert (
        len({id(event.component) for event in read(Decoder(), lines) if isinstance(event, RunEvent)}) < len(lines) / 9
    )


def plain(seq: object, at: object, data: str, *, more: str = "") -> bytes:
    head = f'"event":"on_chain_stream","name":"a","run_id":"r","parent_ids":[],"tags":[]{more},"metadata":{{}}'
    return f'{{"seq":{seq},"at":{at},{head},"data":{data}}}\n'.encode()


@pytest.mark.parametrize(
    "line",
    [
        plain(1, 0.5, '{"chunk":"b"}'),
        plain(1, 0.5, '{ "chunk": "b" }'),
        plain(1, 0.5, '{"chunk":"b"} '),
        plain(1, 0.5, '{"chunk":"b"},"data":{"chunk":"c"}'),
        plain(1, 0.5, '{"chunk":"b"},"seq":7'),
        plain(1, 0.5, '{"chunk":"b"},"event":"x"'),
        plain(1, 0.5, '{"chunk":1e999}'),
        plain(1, 0.5, f'{{"chunk":{10**30}}}'),
        plain(1, 0.5, '{"chunk":1,"chunk":2}'),
        plain(1, 0.5, '{"chunk":"\\ud800"}'),
        plain(1, 0.5, '"text"'),
        plain(1, 0.5, "[" * 200 + "]" * 200),
        plain(1, 0.5, '{"chunk":"b"}').rstrip(),
        plain(1, 0.5, '{"chunk":"b"}')[:-5],
        plain(2, 0.5, '{"chunk":"b"}'),
        plain("01", 0.5, '{"chunk":"b"}'),
        plain(1, "0.5000", '{"chunk":"b"}'),
        plain(1, "1e1", '{"chunk":"b"}'),
        plain(1, "00.5", '{"chunk":"b"}'),
        plain(1, "NaN", '{"chunk":"b"}'),
        plain(1, 1e300, '{"chunk":"b"}'),
        plain(1, 0.1, '{"chunk":"b"}'),
        plain(1, -5, '{"chunk":"b"}'),
        plain(1, 0.5, '{"chunk":"b"}', more=',"seq":1'),
        plain(1, 0.5, '{"chunk":"b"}', more=',"at":3'),
    ],
)
def test_an_odd_line_like_an_earlier_one_is_checked_all_the_same(line: bytes) -> None:
    for more in ("", ',"seq":1', ',"at":3'):
        lines = [header(), plain(0, 0.3, '{"chunk":"a"}', more=more), line, plain(2, 0.9, '{"chunk":"d"}', more=more)]
        assert read(Decoder(), lines) == read(SlowDecoder(), lines)

import pytest

from weir.core.run_event import Component, RunEvent
from weir.runs.failure_sentences import Failure, FailureKind
from weir.runs.recording_decoder import Decoder
from weir.runs.recording_encoder import encode
from weir.runs.recording_lines import End, Header, Line
from weir.runs.run import Status

HEADER = Header("id-1", "story", 12.5, {"topic": 2**80}, {"page": "story"})


@pytest.mark.parametrize(
    "line",
    [
        HEADER,
        RunEvent(0, 0.5, "on_chain_stream", Component("a", "b", ("c",), ("d",), {"e": [1]}), b'{"chunk":"\\ud800"}'),
        End(Status.FAILED, Failure(FailureKind.CUT, "RemoteProtocolError")),
        End(Status.DONE, None),
    ],
    ids=["header", "event", "failure", "end"],
)
def test_a_line_is_the_same_after_it_was_encoded_and_decoded(line: Line) -> None:
    decoder = Decoder()
    if not isinstance(line, Header):
        decoder.decode(encode(HEADER))
    assert decoder.decode(encode(line)) == line

"""Bodies, piece by piece: what passes, what is refused, and how much is kept in memory."""

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weir.llm.answer_body import MAX_BYTES, MAX_ERROR_BYTES, AnswerBody, ErrorBody, StreamBody, WholeBody
from weir.llm.invalid_answers import OtherFormatError, OversizedAnswerError, WebPageError

EVENT = b'data: {"choices": []}\n\n'
PIECE = b"a" * 1_000_000
TOO_MANY = MAX_BYTES // len(PIECE) + 1


def read(body: AnswerBody, *pieces: bytes) -> bytes:
    return b"".join([*(body.take(piece) for piece in pieces), body.end()])


def cut(sent: bytes, at: list[int]) -> list[bytes]:
    places = [0, *sorted(place % (len(sent) + 1) for place in at), len(sent)]
    return [sent[start:end] for start, end in pairwise(places)]


@given(st.lists(st.integers(0, 10_000), max_size=12))
@pytest.mark.parametrize(
    ("sent", "passed"),
    [
        (EVENT * 3, EVENT * 3),
        (b"\xef\xbb\xbf" + EVENT, EVENT),
        (b"\r\n\r\n" + EVENT, EVENT),
        (b": ping\n\n" + EVENT, b": ping\n\n" + EVENT),
        (b": ping\n\n", b": ping\n\n"),
        (b"data: 1\r\rdata: 2\r\n\r\n", b"data: 1\r\rdata: 2\r\n\r\n"),
        (b'{"a":\r\n 1}', b'data: {"a":   1}\n\n'),
        (b"", b""),
        (b" \n", b""),
    ],
)
def test_a_stream_passes_however_it_is_cut(sent: bytes, passed: bytes, at: list[int]) -> None:
    assert read(StreamBody(), *cut(sent, at)) == passed


@given(st.lists(st.integers(0, 10_000), max_size=12))
@pytest.mark.parametrize(
    ("sent", "error"),
    [
        (b"<html>", WebPageError),
        (b"\xef\xbb\xbf \n<!doctype html>", WebPageError),
        (b"Not Found\n", OtherFormatError),
        (b'[{"a": 1}]', OtherFormatError),
        (b'{"a": 1}\n{"a": 2}\n', OtherFormatError),
        (b"more data: 1\n\n", OtherFormatError),
    ],
)
def test_a_body_that_is_no_stream_is_refused(sent: bytes, error: type[Exception], at: list[int]) -> None:
    with pytest.raises(error):
        read(StreamBody(), *cut(sent, at))


@pytest.mark.parametrize("begins", [b"data: ", EVENT + b"data: ", b'{"a": "', b"data: 1\ndata: 2\r\n: 3\r\n", b"x"])
def test_an_event_without_end_is_bounded(begins: bytes) -> None:
    with pytest.raises(OversizedAnswerError, match="16,000,000 bytes"):
        read(StreamBody(), begins, *[PIECE] * TOO_MANY)


@pytest.mark.parametrize("line", [b"data: 1\n", b"data: 1\r\n", b"data\r"])
def test_lines_that_make_no_event_are_bounded_together(line: bytes) -> None:
    with pytest.raises(OversizedAnswerError):
        read(StreamBody(), *[line * 100_000] * (MAX_BYTES // len(line) // 100_000 + 1))


@pytest.mark.parametrize("end", [b"\n\n", b"\r\n\r\n", b"\r\r", b"\n\r\n"])
@pytest.mark.parametrize("at", range(5))
def test_events_one_by_one_may_be_any_number(end: bytes, at: int) -> None:
    whole = b"data: " + PIECE + end
    pieces = (whole[: len(whole) - at], whole[len(whole) - at :])
    body = StreamBody()
    assert sum(len(body.take(piece)) for _ in range(2 * TOO_MANY) for piece in pieces) == len(whole) * 2 * TOO_MANY
    assert body.end() == b""


def test_a_whole_answer_is_bounded_also_where_it_has_lines() -> None:
    with pytest.raises(OversizedAnswerError):
        read(WholeBody(), b"{", *[b"\n" * 1_000_000] * TOO_MANY)
    with pytest.raises(WebPageError):
        read(WholeBody(), b" ", b"<html>")
    assert json.loads(read(WholeBody(), b' {"a"', b": 1}")) == {"a": 1}


def test_of_an_error_the_beginning_is_read() -> None:
    body = ErrorBody()
    assert not body.is_full
    assert len(read(body, PIECE, PIECE)) == MAX_ERROR_BYTES
    assert body.is_full

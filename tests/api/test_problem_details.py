"""What of an unexpected error goes into the log."""

import logging

import anyio
import pytest
from fastapi import FastAPI
from starlette.requests import Request

from weir.api.problem_details import register_exception_handlers


@pytest.mark.parametrize(
    ("error", "lines"),
    [
        (ExceptionGroup("of a task group", [anyio.BrokenResourceError()]), 0),
        (ExceptionGroup("of a task group", [anyio.BrokenResourceError(), ValueError("too loud")]), 1),
        (ValueError("too loud"), 1),
    ],
    ids=["a reader hung up", "and something else", "something else"],
)
def test_a_reader_that_hangs_up_is_no_refusal(caplog: pytest.LogCaptureFixture, error: Exception, lines: int) -> None:
    app = FastAPI()
    register_exception_handlers(app)
    handler = app.exception_handlers[Exception]
    with caplog.at_level(logging.WARNING):
        handler(Request({"type": "http"}), error)
    assert len(caplog.records) == lines
    assert "too loud" not in caplog.text

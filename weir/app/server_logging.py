"""How the process's log is written: lines for people, or JSON objects for whatever collects them."""

import logging
import sys
from typing import Literal

from pythonjsonlogger.json import JsonFormatter

APP_LOGGERS = ("weir", "chains", "pages", "streamlit_app")
"""Whose INFO lines are written; of all others only what is wrong."""

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}


class _Text(logging.Formatter):
    """`2026-11-24 22:20:01 INFO streaming.run_log: run ended run=… status=done`."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s", "%Y-%m-%d %H:%M:%S")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802
        told = {key: value for key, value in vars(record).items() if key not in _STANDARD}
        return " ".join([super().formatMessage(record), *(f"{key}={value}" for key, value in told.items())])


def configure_logging(style: Literal["text", "json"]) -> None:
    """Write this process's log to the standard error stream, Weir's own lines from INFO on."""
    handler = logging.StreamHandler()
    handler.setFormatter(_Text() if style == "text" else _json())
    logging.getLogger().addHandler(handler)
    for name in APP_LOGGERS:
        logging.getLogger(name).setLevel(logging.INFO)
    logging.setLoggerClass(_Propagating)


def adopt_server_loggers() -> None:
    """Have what the server has set up by now be written in the same way, and never what somebody asked."""
    logging.getLogger("uvicorn.access").addFilter(_without_query)
    for logger in list(logging.Logger.manager.loggerDict.values()):
        if isinstance(logger, logging.Logger):
            for handler in [handler for handler in logger.handlers if _is_console(handler)]:
                logger.removeHandler(handler)
                logger.propagate = True


class _Propagating(logging.Logger):
    """Streamlit gives each of its loggers a handler of its own, some not before they have something to say."""

    def addHandler(self, hdlr: logging.Handler) -> None:  # noqa: N802
        if _is_console(hdlr):
            self.propagate = True
        else:
            super().addHandler(hdlr)


def _is_console(handler: logging.Handler) -> bool:
    return isinstance(handler, logging.StreamHandler) and handler.stream in (sys.stdout, sys.stderr)


def _json() -> logging.Formatter:
    return JsonFormatter(
        ["levelname", "name", "message"],
        rename_fields={"levelname": "level", "name": "logger"},
        timestamp="time",
        exc_info_as_array=True,
        reserved_attrs=sorted(_STANDARD),
    )


def _without_query(record: logging.LogRecord) -> bool:
    """Take the query out of a line about a request: it holds what was asked."""
    if isinstance(record.args, tuple):
        record.args = tuple(
            value.partition("?")[0] if isinstance(value, str) and value.startswith("/") else value
            for value in record.args
        )
    return True

"""Logging of the process: text lines for people, or JSON lines for log collectors."""

import logging
import sys
from typing import Literal

from pythonjsonlogger.json import JsonFormatter

APP_LOGGERS = ("weir", "chains", "pages", "streamlit_app")
"""Loggers whose INFO lines are written. Of all others only warnings and errors are."""

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}


class _TextFormatter(logging.Formatter):
    """`2026-11-24 22:20:01 INFO weir.access.run_log: run ended run=… status=done`."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s", "%Y-%m-%d %H:%M:%S")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802
        extras = {key: value for key, value in vars(record).items() if key not in _STANDARD}
        return " ".join([super().formatMessage(record), *(f"{key}={value}" for key, value in extras.items())])


def configure_logging(style: Literal["text", "json"]) -> None:
    """Write the process's log to stderr, lines of Weir's loggers from INFO on."""
    handler = logging.StreamHandler()
    handler.setFormatter(_TextFormatter() if style == "text" else _json_formatter())
    logging.getLogger().addHandler(handler)
    for name in APP_LOGGERS:
        logging.getLogger(name).setLevel(logging.INFO)
    logging.setLoggerClass(_PropagatingLogger)


def adopt_server_loggers() -> None:
    """Write the lines of the server's loggers in the same format, and remove queries from its access log."""
    logging.getLogger("uvicorn.access").addFilter(_without_query)
    for logger in list(logging.Logger.manager.loggerDict.values()):
        if isinstance(logger, logging.Logger):
            for handler in [handler for handler in logger.handlers if _is_console(handler)]:
                logger.removeHandler(handler)
                logger.propagate = True


class _PropagatingLogger(logging.Logger):
    """Logger without console handlers of its own, which Streamlit adds to each of its loggers, to some of them late."""

    def addHandler(self, hdlr: logging.Handler) -> None:  # noqa: N802
        if _is_console(hdlr):
            self.propagate = True
        else:
            super().addHandler(hdlr)


def _is_console(handler: logging.Handler) -> bool:
    return isinstance(handler, logging.StreamHandler) and handler.stream in (sys.stdout, sys.stderr)


def _json_formatter() -> logging.Formatter:
    return JsonFormatter(
        ["levelname", "name", "message"],
        rename_fields={"levelname": "level", "name": "logger"},
        timestamp="time",
        exc_info_as_array=True,
        reserved_attrs=sorted(_STANDARD),
    )


def _without_query(record: logging.LogRecord) -> bool:
    """Logging filter that removes the query from an access log line: it contains what a visitor asked."""
    if isinstance(record.args, tuple):
        record.args = tuple(
            value.partition("?")[0] if isinstance(value, str) and value.startswith("/") else value
            for value in record.args
        )
    return True

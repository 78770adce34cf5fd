"""Format of log lines, and what is removed from them."""

import json
import subprocess
import sys

WRITE = """
import logging, sys
from weir.app.server_logging import adopt_server_loggers, configure_logging
server = logging.getLogger("a.server")
server.propagate = False
server.addHandler(logging.StreamHandler(sys.stdout))
configure_logging(sys.argv[1])
adopt_server_loggers()
later = logging.getLogger("a.server.part")
later.propagate = False
later.addHandler(logging.StreamHandler(sys.stderr))
logging.getLogger("weir.access.run_log").info("run ended", extra={"run": "1", "tokens": 5})
logging.getLogger("weir.access.run_log").debug("too much")
logging.getLogger("httpx").info("too much")
logging.getLogger("httpx").warning("enough")
server.warning("from the server")
later.warning("from a part that came %s", "later")
access = logging.getLogger("uvicorn.access")
access.warning('%s - "%s %s HTTP/%s" %d', "10.0.0.1:5", "GET", "/api/stream?topic=canary", "1.1", 200)
try:
    1 / 0
except ZeroDivisionError:
    logging.getLogger("weir.api").exception("failed")
"""


def written(style: str) -> list[str]:
    """Return what another process logs: loggers are global to a process."""
    command = [sys.executable, "-c", WRITE, style]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
    assert "canary" not in done.stdout + done.stderr
    assert "too much" not in done.stdout + done.stderr
    return done.stderr.splitlines()


def test_json_log_has_an_object_per_line_whichever_logger_writes_it() -> None:
    lines = [json.loads(line) for line in written("json")]
    assert [(line["level"], line["logger"], line["message"]) for line in lines] == [
        ("INFO", "weir.access.run_log", "run ended"),
        ("WARNING", "httpx", "enough"),
        ("WARNING", "a.server", "from the server"),
        ("WARNING", "a.server.part", "from a part that came later"),
        ("WARNING", "uvicorn.access", '10.0.0.1:5 - "GET /api/stream HTTP/1.1" 200'),
        ("ERROR", "weir.api", "failed"),
    ]
    assert (lines[0]["run"], lines[0]["tokens"]) == ("1", 5)
    assert lines[-1]["exc_info"][-1] == "ZeroDivisionError: division by zero"
    assert all(line["time"].endswith("+00:00") for line in lines)


def test_text_log_has_the_extras_of_a_line() -> None:
    first, second, *_ = written("text")
    assert first.endswith(" INFO weir.access.run_log: run ended run=1 tokens=5")
    assert second.endswith(" WARNING httpx: enough")

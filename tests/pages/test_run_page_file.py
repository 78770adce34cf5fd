"""A run as one file: it holds what the page shows, and nothing in it can break out of its place."""

import re
from pathlib import Path

from pages.components.session.recordings import SAMPLES
from pages.components.waterfall.run_page_file import run_page
from weir.analysis.graph_diagnosis import run_findings
from weir.analysis.run_snapshot import RunSnapshot
from weir.core.run_event import Component, RunEvent
from weir.core.serialization import dumps, loads
from weir.runs.recording_encoder import encode
from weir.runs.recording_file import from_jsonl
from weir.runs.recording_lines import End, Header
from weir.runs.run import Status

HOSTILE = "</script><script>alert(1)</script><!--<img src=x onerror=alert(2)>\u2028]]>&amp;'\""


def page_of(content: bytes) -> str:
    run = from_jsonl(content)
    seen = RunSnapshot()
    seen.advance_to(run.events, len(run.events))
    assert seen.root is not None
    return run_page(run, seen, run_findings(seen.root, run.events)).decode()


def hostile_recording() -> bytes:
    model = Component(HOSTILE, "root", (), (HOSTILE,), {"ls_model_name": HOSTILE})
    chunk = {"type": "AIMessageChunk", "content": HOSTILE}
    events = [
        RunEvent(0, 0.0, "on_chat_model_start", model, dumps({"input": {"messages": [[]], HOSTILE: HOSTILE}})),
        RunEvent(1, 0.1, "on_chat_model_stream", model, dumps({"chunk": chunk})),
        RunEvent(2, 0.2, "on_chat_model_end", model, dumps({"output": {"type": "ai", "content": HOSTILE}})),
    ]
    lines: list[Header | RunEvent | End] = [
        Header("root", HOSTILE, 1_795_000_000.0, {"topic": HOSTILE}, {}),
        *events,
        End(Status.DONE, None),
    ]
    return b"".join(encode(line) for line in lines)


def test_hostile_text_stays_in_its_place() -> None:
    page = page_of(hostile_recording())
    assert len(re.findall("<script", page)) == len(re.findall("</script>", page)) == 2
    assert "<img" not in page
    assert "<!--" not in page
    value = loads(re.search(r'id="run">(.*?)</script>', page, re.DOTALL)[1].encode())  # type: ignore[index]
    assert value["waterfall"]["rows"][0]["name"] == HOSTILE


def test_nothing_is_fetched_and_only_its_own_script_runs() -> None:
    page = page_of(hostile_recording())
    assert "default-src 'none'" in page
    assert re.search(r"script-src 'sha256-[A-Za-z0-9+/=]+'", page)
    assert not re.findall(r"(?:src|href)=", re.sub(r"(?s)<script.*?</script>|&lt;.*?&gt;", "", page))


def test_a_recording_is_whole_in_its_page() -> None:
    content = Path(SAMPLES / "4-a-stream-held-up-by-a-lambda.jsonl").read_bytes()
    page = page_of(content)
    assert "A step waits for a whole answer" in page
    assert "StrOutputParser" in page
    assert len(page) < 400_000

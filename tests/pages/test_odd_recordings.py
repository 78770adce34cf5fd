"""Recordings of odd events: whatever one holds, every page draws it, and the pages of other visitors go on."""

import json
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from pages.components.session import recordings
from pages.components.session.app_services import service
from tests.support.app_test import open_app
from tests.support.fake_openai import FakeOpenAI, Plan
from weir.runs.recording_lines import RecordingError

HEADER: dict[str, Any] = {
    "format": "weir-recording",
    "version": 1,
    "run": {
        "id": "odd",
        "name": "half \ud800 `name`",
        "created_at": 32_503_680_000,
        "input": {"topic": ["\ud800"]},
        "context": {"page": ["story"], "method": [], "schema": {"type": 7}, "conversation": 7, "left_out": "x"},
    },
}


def event(seq: int, kind: str, data: Any, **fields: Any) -> dict[str, Any]:
    head = {"seq": seq, "at": max(0.0, 5.0 - seq), "event": kind, "name": "a", "run_id": "r", "parent_ids": []}
    return head | {"tags": ["seq:step:²", "t", "t"], "metadata": {"\udfff": [1]}} | fields | {"data": data}


EVENTS = [
    event(0, "on_chain_start", {"input": {"\ud800": 2**70}}),
    event(1, "on_chat_model_start", {}, run_id="m", parent_ids=["r", "r", "nobody", "n"], tags=["seq:step:1"]),
    event(2, "on_chat_model_stream", {"chunk": {"content": [1, 2]}}, run_id="m", parent_ids=["r"]),
    event(3, "on_chain_stream", {"chunk": "half \ud83d"}),
    event(4, "on_chat_model_start", {}, run_id="n", parent_ids=["m"]),
    event(5, "on_chat_model_start", {}, run_id="m", parent_ids=["n"]),
    event(6, "on_custom_event", [1], name="route"),
    event(7, "on_custom_event", {"route": "nowhere"}, name="route"),
    event(8, "on_chain_pause", {"chunk": None}),
    event(9, "on_tool_error", {"error": {"type": [], "message": "\ud800" * 3_000, "causes": [{}]}}),
]


def written(*lines: Any) -> bytes:
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


def test_the_pages_of_others_go_on_while_somebody_looks_at_an_odd_recording(
    app: AppTest, openai_server: FakeOpenAI
) -> None:
    openai_server.plan = Plan(tokens=["Rain ", "falls."])
    opened = recordings.open_recording(written(HEADER, *EVENTS))
    other = open_app()
    for page in ("events.py", "story.py", "partial_json.py", "http_client.py", "chat.py"):
        other.query_params["run"] = opened.id
        other.switch_page(page).run()
        assert not other.exception, page
    app.chat_input[0].set_value("What falls?").run()
    assert not app.exception
    assert "Rain falls." in "\n".join(str(element.value) for element in app.markdown)


def test_a_recording_that_is_refused_leaves_nothing_behind(app: AppTest) -> None:
    before = service().recorder.store.runs()
    with pytest.raises(RecordingError, match="Line 4 of this recording is damaged: data: input should be an object"):
        recordings.open_recording(written(HEADER, *EVENTS[:2], event(2, "on_chain_stream", [1])))
    assert service().recorder.store.runs() == before
    assert not app.run().exception

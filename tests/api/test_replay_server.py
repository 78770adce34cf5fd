"""The replaying server, asked by the openai client, by curl and by LangChain's ChatOpenAI."""

import contextlib
import json
import subprocess
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest
from langchain_openai import ChatOpenAI
from pydantic import SecretStr

from tests.support.planted_faults import planted
from tests.support.serving import served
from weir.analysis.run_comparison import first_difference
from weir.api.replay_server import ReplayOptions, create_replay_app
from weir.llm.replay_model import ReplayCall, recorded_calls
from weir.runs.recorder import Recorder
from weir.runs.recording_file import from_jsonl
from weir.runs.run import Run, Status

RECORDINGS = Path(__file__).parents[2] / "pages" / "assets" / "recordings"
STORY = RECORDINGS / "1-a-story.jsonl"
AT_ONCE = ReplayOptions(speed=None)
TOOL_CHUNKS: list[dict[str, Any]] = [
    {"content": "Let me see."},
    {"content": "", "tool_call_chunks": [{"name": "measure", "args": '{"dep', "id": "call-1", "index": 0}]},
    {"content": "", "tool_call_chunks": [{"name": None, "args": 'th": 3}', "id": None, "index": 0}]},
    {"content": "", "response_metadata": {"finish_reason": "tool_calls"}},
    {"content": "", "usage_metadata": {"input_tokens": 12, "output_tokens": 3, "total_tokens": 15}},
]


def calls_of(path: Path) -> tuple[ReplayCall, ...]:
    return recorded_calls(from_jsonl(path.read_bytes()).events)


@contextlib.contextmanager
def serving(*calls: ReplayCall, options: ReplayOptions = AT_ONCE) -> Iterator[str]:
    with served(create_replay_app(calls, options), "replay-server") as address:
        yield f"{address}/v1"


def client(url: str) -> openai.OpenAI:
    return openai.OpenAI(base_url=url, api_key="none", max_retries=0)


def ask(url: str, **more: Any) -> Any:
    return client(url).chat.completions.create(
        model="any", messages=[{"role": "user", "content": "Tell a story"}], **more
    )


def chat_model(url: str, http: httpx2.AsyncClient) -> ChatOpenAI:
    key = SecretStr("none")
    return ChatOpenAI(model="any", base_url=url, api_key=key, stream_usage=True, max_retries=0, http_async_client=http)


def model_run(recorder: Recorder, url: str, http: httpx2.AsyncClient) -> Run:
    run = recorder.start(chat_model(url, http), "Tell a story")
    assert run.wait(30)
    return run


def test_the_openai_client_gets_the_same_chunks_and_usage() -> None:
    (call,) = calls_of(STORY)
    with serving(call) as url:
        chunks = list(ask(url, stream=True, stream_options={"include_usage": True}))
    texts = [chunk.choices[0].delta.content for chunk in chunks if chunk.choices]
    recorded = [fields["content"] for _, fields in call.chunks if not fields.get("usage_metadata")]
    assert texts == recorded
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "stop"
    (usage,) = [chunk.usage for chunk in chunks if chunk.usage]
    assert (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens) == (71, 205, 276)


def test_usage_is_sent_to_those_who_ask_for_it() -> None:
    with serving(*calls_of(STORY)) as url:
        assert not [chunk for chunk in ask(url, stream=True) if chunk.usage or not chunk.choices]


def test_the_openai_client_gets_the_whole_answer_without_streaming() -> None:
    (call,) = calls_of(STORY)
    with serving(call) as url:
        answer = ask(url)
    assert answer.choices[0].message.content == "".join(fields["content"] for _, fields in call.chunks)
    assert (answer.choices[0].finish_reason, answer.usage.completion_tokens) == ("stop", 205)


def test_chat_openai_records_the_run_that_was_recorded(recorder: Recorder, http: httpx2.AsyncClient) -> None:
    with serving(*calls_of(STORY)) as url:
        first = model_run(recorder, url, http)
        second = model_run(recorder, url, http)
    assert first_difference(first.events, second.events) is None
    again, recorded = recorded_calls(first.events)[0], calls_of(STORY)[0]
    assert [fields["content"] for _, fields in again.chunks] == [fields["content"] for _, fields in recorded.chunks]
    assert [_usage(fields) for _, fields in again.chunks] == [_usage(fields) for _, fields in recorded.chunks]


def test_tool_calls_come_in_the_same_parts(recorder: Recorder, http: httpx2.AsyncClient) -> None:
    call = ReplayCall(tuple((0.0, fields) for fields in TOOL_CHUNKS))
    with serving(call) as url:
        message = chat_model(url, http).invoke("How deep is it?")
        run = model_run(recorder, url, http)
        whole = ask(url)
    assert message.tool_calls[0]["args"] == {"depth": 3}
    parts = [fields.get("tool_call_chunks") for _, fields in recorded_calls(run.events)[0].chunks]
    assert [part[0]["args"] for part in parts if part] == ['{"dep', 'th": 3}']
    (tool,) = whole.choices[0].message.tool_calls
    assert (tool.id, tool.function.name, tool.function.arguments) == ("call-1", "measure", '{"depth": 3}')
    assert whole.usage.total_tokens == 15


def test_structured_output_keeps_one_usage() -> None:
    path = RECORDINGS / "6-json-field-by-field.jsonl"
    with serving(*calls_of(path)) as url:
        chunks = list(ask(url, stream=True, stream_options={"include_usage": True}))
    assert [chunk.usage.completion_tokens for chunk in chunks if chunk.usage] == [72]


def test_curl_gets_server_sent_events() -> None:
    (call,) = calls_of(STORY)
    with serving(call) as url:
        body = json.dumps({"model": "any", "stream": True, "stream_options": {"include_usage": True}, "messages": []})
        command = ["curl", "-sN", f"{url}/chat/completions", "-H", "Content-Type: application/json", "-d", body]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
        wrong = subprocess.run([*command[:3], "-d", "{"], capture_output=True, text=True, timeout=60, check=True)
    lines = [line for line in done.stdout.splitlines() if line]
    assert all(line.startswith("data: ") for line in lines)
    assert lines[-1] == "data: [DONE]"
    chunks = [json.loads(line[6:]) for line in lines[:-1]]
    assert [chunk["usage"]["total_tokens"] for chunk in chunks if not chunk["choices"]] == [276]
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks if chunk["choices"]]
    assert "".join(delta["content"] for delta in deltas) == "".join(fields["content"] for _, fields in call.chunks)
    assert json.loads(wrong.stdout)["error"]["type"] == "invalid_request_error"


def test_calls_are_answered_in_order_and_then_again() -> None:
    calls = [ReplayCall(((0.0, {"content": text}),)) for text in ("one", "two")]
    with serving(*calls) as url:
        assert [ask(url).choices[0].message.content for _ in range(3)] == ["one", "two", "one"]
        assert [model.id for model in client(url).models.list()] == ["replay"]


def test_at_half_speed_no_chunk_comes_before_twice_its_time() -> None:
    seconds = [0.0, 0.15, 0.17, 0.37]
    call = ReplayCall(tuple((at, {"content": "word "}) for at in seconds), 0.37)
    with serving(call, options=ReplayOptions(speed=0.5)) as url:
        asked_at = time.monotonic()
        times = _times_of_openai(url)
    # A busy machine is late now and then, but never early.
    assert all(came - asked_at >= 2 * at for came, at in zip(times, seconds, strict=True))


def _times_of_openai(url: str) -> list[float]:
    return [time.monotonic() for _ in ask(url, stream=True)]


def _times_of_chat_openai(url: str) -> list[float]:
    model = ChatOpenAI(model="any", base_url=url, api_key=SecretStr("none"), max_retries=0)
    return [time.monotonic() for chunk in model.stream("Tell a story") if chunk.content]


def _times_of_curl(url: str) -> list[float]:
    body = json.dumps({"model": "any", "stream": True, "messages": []})
    command = ["curl", "-sN", f"{url}/chat/completions", "-H", "Content-Type: application/json", "-d", body]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as curl:
        assert curl.stdout is not None
        return [time.monotonic() for line in curl.stdout if b'"content"' in line]


@pytest.mark.parametrize("times_of", [_times_of_openai, _times_of_chat_openai, _times_of_curl])
def test_gaps_are_within_ten_milliseconds_of_the_recorded_ones(times_of: Callable[[str], list[float]]) -> None:
    seconds = [0.0, 0.02, 0.14, 0.15, 0.25, 0.3]
    recorded = [later - earlier for earlier, later in pairwise(seconds)]
    call = ReplayCall(tuple((at, {"content": "word "}) for at in seconds), seconds[-1])
    # A busy machine is late now and then, but not at the same gap in each of ten answers.
    nearest = [1.0] * len(recorded)
    with serving(call, options=ReplayOptions(speed=1.0)) as url:
        for _ in range(10):
            times = times_of(url)
            assert len(times) == len(seconds)
            gaps = [later - earlier for earlier, later in pairwise(times)]
            nearest = [min(best, abs(a - b)) for best, a, b in zip(nearest, gaps, recorded, strict=True)]
            if max(nearest) <= 0.01:
                break
    assert max(nearest) <= 0.01, nearest


@pytest.mark.parametrize("number", [0, 1, 40])
def test_a_cut_comes_after_so_many_chunks(number: int) -> None:
    with serving(*calls_of(STORY), options=ReplayOptions(None, cut_at=number)) as url:
        seen: list[Any] = []
        with pytest.raises(httpx2.RemoteProtocolError):
            _read(url, seen)
        assert len(seen) == number


def test_a_stall_comes_after_so_many_chunks() -> None:
    with serving(*calls_of(STORY), options=ReplayOptions(None, stall_at=3)) as url:
        seen: list[Any] = []
        with pytest.raises(httpx2.ReadTimeout):
            _read(url, seen)
        assert len(seen) == 3


def test_a_call_that_failed_ends_with_a_closed_connection(recorder: Recorder, http: httpx2.AsyncClient) -> None:
    call = recorded_calls(from_jsonl(planted("a model that failed", 1)).events)[0]
    with serving(call) as url:
        run = model_run(recorder, url, http)
    assert run.status is Status.FAILED
    assert len(recorded_calls(run.events)[0].chunks) == len(call.chunks)


def _read(url: str, seen: list[Any]) -> None:
    body = {"model": "any", "stream": True, "messages": []}
    with httpx2.stream("POST", f"{url}/chat/completions", json=body, timeout=httpx2.Timeout(30, read=1)) as response:
        for line in response.iter_lines():
            if line:
                seen.append(line)  # noqa: PERF401


def _usage(fields: dict[str, Any]) -> Any:
    usage = fields.get("usage_metadata")
    return usage and (usage["input_tokens"], usage["output_tokens"])

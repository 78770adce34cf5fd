"""Chunks as plain dicts against chunks as the client's objects: what LangChain makes of them is the same."""

import json
from typing import Any

import httpx2
import openai
import pytest
from langchain_core.messages import BaseMessageChunk

from tests.llm.test_chat_model import WORDS, settings_for
from tests.support.fake_openai import FakeOpenAI, Plan
from weir.llm.chat_model import chat_model, configured_endpoint
from weir.llm.invalid_answers import MalformedAnswerError, ReportedError, ToolCallsOnlyError
from weir.runs.background_loop import BackgroundLoop
from weir.runs.error_classification import classify_error
from weir.runs.failure_sentences import FailureKind

KINDS: list[dict[str, Any]] = [
    {},
    {"stop": ["river"]},
    {"extra_body": {"top_k": 3}},
    {"timeout": 7.0},
    {"tools": [{"type": "function", "function": {"name": "measure", "parameters": {"type": "object"}}}]},
    {"response_format": {"type": "json_object"}},
]


@pytest.mark.parametrize("asked", KINDS, ids=lambda asked: next(iter(asked), "nothing more"))
async def test_a_stream_of_dicts_gives_the_same_messages(openai_server: FakeOpenAI, asked: dict[str, Any]) -> None:
    openai_server.plan = Plan(tokens=WORDS, structured_tokens=['{"wet":', " true}"])
    chosen = settings_for(openai_server.url)
    async with httpx2.AsyncClient() as http:

        async def chunks(*, plain: bool) -> list[BaseMessageChunk]:
            model = chat_model(configured_endpoint(chosen), chosen, http)
            if not plain:
                model.async_client = model.root_async_client.chat.completions
            found: list[BaseMessageChunk] = [chunk async for chunk in model.astream("How high is it?", **asked)]
            for chunk in found:
                chunk.id = None
            return found

        as_dicts, as_objects = await chunks(plain=True), await chunks(plain=False)
    assert as_dicts == as_objects
    assert len(as_dicts) > 3
    assert openai_server.seen[0].body == openai_server.seen[1].body


def test_a_call_without_streaming_is_the_clients_own(openai_server: FakeOpenAI, loop: BackgroundLoop) -> None:
    chosen = settings_for(openai_server.url)

    async def call() -> str:
        async with httpx2.AsyncClient() as http:
            return str((await chat_model(configured_endpoint(chosen), chosen, http).ainvoke("How high is it?")).text)

    assert loop.submit(call()).result(timeout=60) == "Once upon a time."
    assert not openai_server.seen[0].body.get("stream")


async def asked_of(sent: str, *, streams: bool = True, **asked: Any) -> None:
    """Ask a server that sends this text, whatever it is asked for."""
    kind, text = ("text/event-stream", f"data: {sent}\n\n") if streams else ("application/json", sent)

    def answer(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, headers={"content-type": kind}, text=text)

    chosen = settings_for("http://127.0.0.1:9/v1")
    async with httpx2.AsyncClient(transport=httpx2.MockTransport(answer)) as http:
        model = chat_model(configured_endpoint(chosen), chosen, http)
        if streams:
            _ = [chunk async for chunk in model.astream("How high is it?", **asked)]
        else:
            await model.ainvoke("How high is it?", **asked)


@pytest.mark.parametrize("sent", ["null", "5", "[]", '"a word"'])
@pytest.mark.parametrize("asked", [{}, {"response_format": {"type": "json_object"}}], ids=["plain", "structured"])
async def test_json_that_is_no_object_is_a_malformed_answer(sent: str, asked: dict[str, Any]) -> None:
    with pytest.raises(openai.APIResponseValidationError) as raised:
        await asked_of(sent, **asked)
    assert classify_error(raised.value, answering=True).kind is FailureKind.MALFORMED


ODD_CHUNKS = [
    '{"choices": 5}',
    '{"choices": [5]}',
    '{"choices": [{"delta": 5}]}',
    '{"choices": [{"delta": {"content": 5}}]}',
    '{"choices": [{"delta": {"role": "assistant", "tool_calls": 5}}]}',
]
ODD_ANSWERS = ['{"choices": 5}', '{"choices": [5]}', '{"choices": [{"message": 5}]}']


@pytest.mark.parametrize(
    ("streams", "sent"), [*((True, sent) for sent in ODD_CHUNKS), *((False, sent) for sent in ODD_ANSWERS)]
)
async def test_an_object_that_is_no_completion_is_a_malformed_answer(sent: str, *, streams: bool) -> None:
    with pytest.raises(MalformedAnswerError) as raised:
        await asked_of(sent, streams=streams)
    assert classify_error(raised.value, answering=True).kind is FailureKind.MALFORMED


NAMELESS_CALLS: list[dict[str, Any]] = [
    {},
    {"name": ""},
    {"name": None, "arguments": None},
    {"name": []},
    {"arguments": []},
    {"arguments": '{"a": 1}'},
]


@pytest.mark.parametrize("function", NAMELESS_CALLS, ids=json.dumps)
@pytest.mark.parametrize("streams", [True, False], ids=["stream", "whole"])
async def test_a_tool_call_without_a_name_is_no_answer(function: dict[str, Any], *, streams: bool) -> None:
    message = {"role": "assistant", "content": None, "tool_calls": [{"function": function}]}
    choice = {"index": 0, "delta" if streams else "message": message, "finish_reason": "stop"}
    with pytest.raises(ToolCallsOnlyError) as raised:
        await asked_of(json.dumps({"choices": [choice]}), streams=streams)
    assert classify_error(raised.value, answering=False).kind is FailureKind.TOOL_CALLS_ONLY


async def test_an_error_in_place_of_an_answer_is_the_servers_own() -> None:
    with pytest.raises(ReportedError, match="no memory left") as raised:
        await asked_of('{"error": {"message": "no memory left"}}', streams=False)
    assert classify_error(raised.value, answering=False).kind is FailureKind.SERVER


@pytest.mark.parametrize(
    "keeps_open", ["id: 7\n\n", "event: ping\n\n", ": ping\n\n", "retry: 5\n\n", "id: 7\ndata:\n\n"]
)
async def test_an_event_without_data_is_none(keeps_open: str) -> None:
    choice = {"index": 0, "delta": {"content": "Hi"}, "finish_reason": "stop"}
    event = f"data: {json.dumps({'choices': [choice]})}\n\n"

    def answer(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, text=f"{keeps_open}{event}{keeps_open}data: [DONE]\n\n")

    chosen = settings_for("http://127.0.0.1:9/v1")
    async with httpx2.AsyncClient(transport=httpx2.MockTransport(answer)) as http:
        model = chat_model(configured_endpoint(chosen), chosen, http)
        assert "".join([str(chunk.text) async for chunk in model.astream("?")]) == "Hi"

"""The OpenAI-compatible door, asked by the openai client and by LangChain's ChatOpenAI."""

import asyncio
import functools
import json
import operator
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import httpx2
import openai
import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_openai import ChatOpenAI
from pydantic import SecretStr

from tests.api.conftest import Serve
from tests.support.fake_openai import FakeOpenAI, Fault, Plan

QUESTION: Any = [{"role": "user", "content": "Why does it fall?"}]
TOOL: Any = {
    "type": "function",
    "function": {"name": "measure", "parameters": {"type": "object", "properties": {"depth": {"type": "integer"}}}},
}
ROUTER = "weir/smart_router"


def base_of(client: httpx.Client) -> str:
    return str(client.base_url).rstrip("/").removesuffix("/api") + "/v1"


def openai_client(base: str, **more: Any) -> openai.OpenAI:
    return openai.OpenAI(base_url=base, **{"api_key": "none", "max_retries": 0, **more})


@pytest.fixture
def gateway(client: httpx.Client) -> Iterator[openai.OpenAI]:
    with openai_client(base_of(client)) as made:
        yield made


@pytest.fixture
def direct(openai_server: FakeOpenAI) -> Iterator[openai.OpenAI]:
    with openai_client(openai_server.url) as made:
        yield made


def seen_by(client: openai.OpenAI, model: str, **more: Any) -> dict[str, Any]:
    """Ask whole and as a stream, and return what a client makes of both."""
    whole = client.chat.completions.create(model=model, messages=QUESTION, **more)
    options: Any = {"include_usage": True}
    parts = list(
        client.chat.completions.create(model=model, messages=QUESTION, stream=True, stream_options=options, **more)
    )
    choices = [choice for part in parts for choice in part.choices]
    names = ("prompt_tokens", "completion_tokens", "total_tokens")
    message = whole.choices[0].message
    return {
        "text": message.content,
        "refusal": message.refusal,
        "tools": [call.model_dump(include={"id", "type", "function"}) for call in message.tool_calls or ()],
        "end": whole.choices[0].finish_reason,
        "usage": [getattr(whole.usage, name) for name in names],
        "streamed text": "".join(choice.delta.content or "" for choice in choices),
        "streamed refusal": "".join(choice.delta.refusal or "" for choice in choices),
        "streamed tools": "".join(
            f"{call.id or ''}{call.function.name or ''}{call.function.arguments or ''}"
            for choice in choices
            for call in choice.delta.tool_calls or ()
            if call.function
        ),
        "streamed end": [choice.finish_reason for choice in choices if choice.finish_reason],
        "streamed usage": [[getattr(part.usage, name) for name in names] for part in parts if part.usage],
    }


@pytest.mark.parametrize(
    ("plan", "more"),
    [
        (Plan(tokens=["Größe ", "🌊", " and more"]), {"temperature": 0.5, "max_tokens": 40, "stop": ["x"]}),
        (Plan(finish_reason="length"), {}),
        (Plan(finish_reason="content_filter"), {}),
        (Plan(tool_calls=[("measure", ['{"dep', 'th": 3}'])], finish_reason="tool_calls"), {"tools": [TOOL]}),
        (Plan(refusal="I will not."), {}),
    ],
)
def test_a_client_gets_what_the_model_gives(
    gateway: openai.OpenAI, direct: openai.OpenAI, openai_server: FakeOpenAI, plan: Plan, more: dict[str, Any]
) -> None:
    openai_server.plan = plan
    expected, found = seen_by(direct, "gpt-4o-mini", **more), seen_by(gateway, "gpt-4o-mini", **more)
    # The fake server has tool calls and refusals in streams only.
    is_streamed = bool(plan.tool_calls or plan.refusal)
    assert {name: found[name] for name in expected if not is_streamed or name.startswith("streamed")} == {
        name: value for name, value in expected.items() if not is_streamed or name.startswith("streamed")
    }
    assert (found["text"] or "", [found["end"]]) == (found["streamed text"], found["streamed end"])
    assert [found["usage"]] == found["streamed usage"]
    given = openai_server.seen[-1].body
    renamed = {"max_completion_tokens" if name == "max_tokens" else name: value for name, value in more.items()}
    assert renamed.items() <= given.items()


def test_a_call_is_a_run_that_its_header_names(gateway: openai.OpenAI, client: httpx.Client) -> None:
    answer = gateway.chat.completions.with_raw_response.create(model="gpt-4o-mini", messages=QUESTION)
    run = client.get(f"/runs/{answer.headers['x-weir-run']}").json()
    assert (run["text"], run["mark"], run["chain"]) == ("Once upon a time.", "Done", "gpt-4o-mini")
    assert answer.parse().id == f"chatcmpl-{run['id']}"
    with gateway.chat.completions.with_streaming_response.create(
        model=ROUTER, messages=QUESTION, stream=True
    ) as streamed:
        lines = [line for line in streamed.iter_lines() if line]
    run = client.get(f"/runs/{streamed.headers['x-weir-run']}").json()
    assert (run["text"], run["chain"]) == ("Once upon a time.", "smart_router")
    chunks = [json.loads(line.removeprefix("data: ")) for line in lines[:-1]]
    assert lines[-1] == "data: [DONE]"
    assert {(chunk["id"], chunk["model"], chunk["object"]) for chunk in chunks} == {
        (f"chatcmpl-{run['id']}", ROUTER, "chat.completion.chunk")
    }
    assert chunks[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert chunks[-1]["choices"][0] == {"index": 0, "delta": {}, "logprobs": None, "finish_reason": "stop"}


def test_models_chains_and_recorded_runs_are_listed_and_asked(
    gateway: openai.OpenAI, openai_server: FakeOpenAI
) -> None:
    names = [model.id for model in gateway.models.list()]
    assert names == ["gpt-4o-mini", "weir/story", ROUTER, "weir/showcase", "weir/agent"]
    for name in names[1:3]:
        answer = gateway.chat.completions.with_raw_response.create(model=name, messages=QUESTION)
        assert answer.parse().choices[0].message.content == "Once upon a time."
        replay = f"replay:{answer.headers['x-weir-run']}"
        assert gateway.models.retrieve(replay).id == replay
        asked = len(openai_server.seen)
        again = gateway.chat.completions.create(model=replay, messages=QUESTION)
        assert again.choices[0].message.content == "Once upon a time."
        assert again.usage == answer.parse().usage
        assert len(openai_server.seen) == asked
    for unknown in ("none", "weir/none", "replay:none"):
        with pytest.raises(openai.NotFoundError, match="There is no model"):
            gateway.models.retrieve(unknown)
        with pytest.raises(openai.NotFoundError, match="There is no model"):
            gateway.chat.completions.create(model=unknown, messages=QUESTION)


def test_the_router_gets_the_conversation_and_the_system_message(
    gateway: openai.OpenAI, openai_server: FakeOpenAI
) -> None:
    messages: Any = [
        {"role": "system", "content": "Answer in verse."},
        {"role": "user", "content": [{"type": "text", "text": "What is "}, {"type": "text", "text": "rain?"}]},
        {"role": "assistant", "content": "Water."},
        *QUESTION,
    ]
    gateway.chat.completions.create(model=ROUTER, messages=messages)
    sent = openai_server.answers[-1].body["messages"]
    assert sent[0]["content"].endswith("Answer in verse.")
    assert [message["content"] for message in sent[1:]] == ["What is rain?", "Water.", "Why does it fall?"]


@pytest.mark.parametrize(
    ("changed", "param"),
    [
        ({"tools": [TOOL]}, "tools"),
        ({"n": 2}, "n"),
        ({"logprobs": True}, "logprobs"),
        ({"model": "weir/classify"}, "model"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, "messages[0].content[0]"),
        ({"messages": [{"role": "tool", "content": "3"}]}, "messages[0].role"),
        ({"messages": [{"role": "assistant", "content": "Hm?"}]}, "messages"),
        ({"messages": [{"role": "user", "content": " "}]}, "messages"),
        ({"messages": []}, "messages"),
        ({"model": "gpt-4o-mini", "messages": [{"role": "nobody"}]}, "messages"),
    ],
)
def test_what_cannot_be_served_is_refused_with_its_field(
    gateway: openai.OpenAI, openai_server: FakeOpenAI, changed: dict[str, Any], param: str
) -> None:
    with pytest.raises(openai.BadRequestError) as raised:
        gateway.chat.completions.create(**{"model": ROUTER, "messages": QUESTION, **changed})
    assert raised.value.param == param
    assert openai_server.seen == []


@pytest.mark.parametrize(
    ("plan", "error", "code"),
    [
        (Plan(status=401), openai.InternalServerError, "model_refused_key"),
        (Plan(status=404), openai.NotFoundError, "model_not_found"),
        (Plan(status=400, message="maximum context length"), openai.BadRequestError, "context_length_exceeded"),
        (Plan(status=429), openai.RateLimitError, "rate_limit_exceeded"),
        (Plan(status=500), openai.InternalServerError, "server"),
        (Plan(fault=Fault.SSE_ERROR, at=0), openai.InternalServerError, "overloaded"),
        (Plan(fault=Fault.WEB_PAGE), openai.InternalServerError, "web_page"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_an_error_before_the_answer_has_a_status_and_a_code(
    gateway: openai.OpenAI,
    openai_server: FakeOpenAI,
    plan: Plan,
    error: type[openai.APIStatusError],
    code: str,
    stream: bool,
) -> None:
    openai_server.plan = plan
    with pytest.raises(error) as raised:
        gateway.chat.completions.create(model="gpt-4o-mini", messages=QUESTION, stream=stream)
    assert raised.value.code == code
    assert raised.value.response.headers["x-weir-run"]


@pytest.mark.parametrize("model", ["gpt-4o-mini", ROUTER])
def test_an_error_in_the_middle_is_raised_and_no_end_pretended(
    gateway: openai.OpenAI, openai_server: FakeOpenAI, model: str
) -> None:
    openai_server.plan = Plan(fault=Fault.CUT, at=2)
    parts: list[Any] = []
    with pytest.raises(openai.APIError, match="The connection to the model broke"):
        parts.extend(gateway.chat.completions.create(model=model, messages=QUESTION, stream=True))
    assert "".join(part.choices[0].delta.content for part in parts) == "Once upon"
    assert {part.choices[0].finish_reason for part in parts} == {None}


@pytest.mark.parametrize("stream", [True, False])
def test_hanging_up_hangs_up_on_the_model(
    gateway: openai.OpenAI, openai_server: FakeOpenAI, client: httpx.Client, stream: bool
) -> None:
    openai_server.plan = Plan(fault=Fault.STALL, at=2)
    if stream:
        answer = gateway.chat.completions.create(model="gpt-4o-mini", messages=QUESTION, stream=True)
        assert next(iter(answer)).choices[0].delta.role == "assistant"
        answer.close()
    else:
        with pytest.raises(openai.APITimeoutError):
            gateway.chat.completions.create(model="gpt-4o-mini", messages=QUESTION, timeout=0.5)
    (seen,) = openai_server.seen
    assert seen.ended.wait(30)
    assert seen.hung_up_at is not None
    (run,) = client.get("/runs").json()["runs"]
    assert run["chain"] == "gpt-4o-mini"


def test_a_run_that_is_stopped_in_weir_does_not_look_whole(
    gateway: openai.OpenAI, openai_server: FakeOpenAI, client: httpx.Client
) -> None:
    openai_server.plan = Plan(fault=Fault.STALL, at=2)
    answer = gateway.chat.completions.create(model=ROUTER, messages=QUESTION, stream=True)
    next(iter(answer))
    client.delete(f"/runs/{answer.response.headers['x-weir-run']}")
    with pytest.raises(openai.APIError, match="stopped in Weir") as raised:
        list(answer)
    assert raised.value.code == "stopped"


def test_token_and_limits_are_those_of_the_api(serve: Serve) -> None:
    token = "a-token-of-sixteen"
    with serve(WEIR_API_TOKEN=token, WEIR_RUNS_PER_MINUTE=1) as client:
        base = base_of(client)
        with openai_client(base, api_key="wrong") as stranger, pytest.raises(openai.AuthenticationError) as refused:
            stranger.models.list()
        assert refused.value.code == "invalid_api_key"
        with openai_client(base, api_key=token) as known:
            known.chat.completions.create(model="gpt-4o-mini", messages=QUESTION)
            with pytest.raises(openai.RateLimitError) as reached:
                known.chat.completions.create(model="gpt-4o-mini", messages=QUESTION)
        assert reached.value.code == "limit_reached"
        assert 0 < int(reached.value.response.headers["retry-after"]) <= 60
        foreign = httpx.post(f"{base}/chat/completions", headers={"sec-fetch-site": "cross-site"}, json={})
        assert (foreign.status_code, foreign.json()["error"]["type"]) == (403, "permission_error")


def test_several_models_are_asked_by_name(serve: Serve, openai_server: FakeOpenAI, tmp_path: Path) -> None:
    file = tmp_path / "weir.toml"
    file.write_text(
        f"[models.fast]\nbase_url = '{openai_server.url}'\nmodel = 'id'\n"
        f"[models.plain]\nbase_url = '{openai_server.url}'\ntools = false\n",
        encoding="utf-8",
    )
    with serve(WEIR_CONFIG=file) as client, openai_client(base_of(client)) as made:
        made.chat.completions.create(model="fast", messages=QUESTION)
        assert openai_server.seen[-1].body["model"] == "id"
        with pytest.raises(openai.BadRequestError, match="plain cannot call tools"):
            made.chat.completions.create(model="plain", messages=QUESTION, tools=[TOOL])


def test_chat_openai_streams_calls_tools_and_counts(
    client: httpx.Client, openai_server: FakeOpenAI, ask_twice: Callable[[ChatOpenAI], Any]
) -> None:
    openai_server.plan = Plan(tool_calls=[("measure", ['{"depth"', ": 3}"])], finish_reason="tool_calls")
    base, key = base_of(client), SecretStr("none")
    found = [
        ask_twice(ChatOpenAI(model="gpt-4o-mini", base_url=url, api_key=key, stream_usage=True, max_retries=0))
        for url in (openai_server.url, base)
    ]
    assert found[0] == found[1]
    assert found[0]["calls"] == [("measure", {"depth": 3})]
    assert openai_server.seen[-1].body["messages"] == openai_server.seen[1].body["messages"]


@pytest.mark.parametrize("plan", [Plan(status=429), Plan(fault=Fault.CUT, at=2)])
def test_chat_openai_raises_before_and_in_the_middle(
    client: httpx.Client, openai_server: FakeOpenAI, plan: Plan
) -> None:
    openai_server.plan = plan
    texts = []
    for url in (openai_server.url, base_of(client)):
        model = ChatOpenAI(model="gpt-4o-mini", base_url=url, api_key=SecretStr("none"), max_retries=0)
        parts: list[str] = []
        with pytest.raises((openai.APIError, httpx.TransportError, httpx2.TransportError)) as raised:
            parts.extend(chunk.text for chunk in model.stream("How deep?"))
        assert getattr(raised.value, "status_code", None) == (429 if plan.status == 429 else None)
        texts.append("".join(parts))
    assert texts == (["", ""] if plan.status == 429 else ["Once upon", "Once upon"])


def test_the_openai_client_retries_as_with_the_model(client: httpx.Client, openai_server: FakeOpenAI) -> None:
    openai_server.plan = Plan(status=429, headers={"retry-after-ms": "1"})
    counts = []
    for url in (openai_server.url, base_of(client)):
        before = len(openai_server.seen)
        with openai_client(url, max_retries=2) as made, pytest.raises(openai.RateLimitError):
            made.chat.completions.create(model="gpt-4o-mini", messages=QUESTION)
        counts.append(len(openai_server.seen) - before)
    assert counts == [3, 3]


@pytest.fixture
def ask_twice() -> Callable[[ChatOpenAI], Any]:
    """Ask with a tool, as a stream, and again with the tool's result."""

    def ask(model: ChatOpenAI) -> Any:
        async def asked() -> Any:
            chunks = [chunk async for chunk in model.bind_tools([TOOL]).astream("How deep?")]
            calling: Any = functools.reduce(operator.add, chunks)
            call = calling.tool_calls[0]
            result = ToolMessage("3 m", tool_call_id=call["id"])
            request = AIMessage("", tool_calls=calling.tool_calls)
            answer = await model.bind_tools([TOOL]).ainvoke([HumanMessage("How deep?"), request, result])
            usage = calling.usage_metadata
            return {
                "calls": [(call["name"], call["args"])],
                "usage": usage and (usage["input_tokens"], usage["output_tokens"]),
                "end": (calling.response_metadata["finish_reason"], answer.response_metadata["finish_reason"]),
            }

        return asyncio.run(asked())

    return ask


def test_clients_with_tokens_of_their_own_have_limits_and_runs_of_their_own(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    tokens = {"ann": "token-of-ann-0123", "bob": "token-of-bob-0123"}
    given = ",".join(f"{name}={token}" for name, token in tokens.items())
    with serve(WEIR_API_TOKENS=given, WEIR_API_TOKEN="token-of-all-0123", WEIR_RUNS_PER_MINUTE=1) as client:
        runs = {}
        for name, token in tokens.items():
            with openai_client(base_of(client), api_key=token) as known, caplog.at_level("INFO"):
                answer = known.chat.completions.with_raw_response.create(model=ROUTER, messages=QUESTION)
                runs[name] = answer.headers["x-weir-run"]
                with pytest.raises(openai.RateLimitError):
                    known.chat.completions.create(model=ROUTER, messages=QUESTION)
        headers = {name: {"Authorization": f"Bearer {token}"} for name, token in tokens.items()}
        for name, other in (("ann", "bob"), ("bob", "ann")):
            listed = client.get("/runs", headers=headers[name]).json()["runs"]
            assert [run["id"] for run in listed] == [runs[name]]
            assert client.delete(f"/runs/{runs[other]}", headers=headers[name]).status_code == 403
        assert client.get("/runs", headers={"Authorization": "Bearer token-of-eve-0123"}).status_code == 401
        assert client.get("/runs", headers={"Authorization": "Bearer token-of-all-0123"}).json()["runs"] == []
    assert {getattr(record, "client", None) for record in caplog.records} >= {"ann", "bob"}

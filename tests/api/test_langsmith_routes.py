"""LangSmith routes: what LangSmith's own client for Python sends becomes a run of Weir's; what is hostile, nothing."""

import gzip
import json
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
import zstandard
from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.output_parsers import StrOutputParser
from langchain_core.outputs import ChatGenerationChunk
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import RunnableConfig, RunnableLambda
from langchain_core.tools import tool
from langchain_core.tracers.langchain import LangChainTracer
from langsmith import Client
from langsmith.schemas import LangSmithInfo

from tests.api.conftest import Serve
from weir.analysis.answer_reader import answer_text
from weir.analysis.metrics import run_metrics
from weir.analysis.run_tree import NodeStatus, run_tree
from weir.api.langsmith_routes import INFO, MAX_UNPACKED
from weir.archive.run_archive import RunArchive
from weir.runs.run import Run, Status

FORM = INFO | {"batch_ingest_config": INFO["batch_ingest_config"] | {"use_multipart_endpoint": True}}
WAYS: dict[str, dict[str, Any]] = {
    # As Weir asks for it; what a client sends to Weir beside LangSmith; without a thread of its own.
    "batch": {},
    "form": {"info": LangSmithInfo.model_validate(FORM)},
    "zstd": {"info": LangSmithInfo.model_validate(FORM | {"instance_flags": {"zstd_compression_enabled": True}})},
    "one by one": {"auto_batch_tracing": False},
}


class Library(BaseRetriever):
    def _get_relevant_documents(self, query: str, *, run_manager: CallbackManagerForRetrieverRun) -> list[Document]:
        del run_manager
        return [Document(page_content=f"about {query}")]


@tool
def measure(length: int) -> int:
    """Measure."""
    return length + 1


class Writer(GenericFakeChatModel):
    """A model whose last chunk has the usage."""

    def _stream(self, *args: Any, **options: Any) -> Iterator[ChatGenerationChunk]:
        yield from super()._stream(*args, **options)
        usage = {"input_tokens": 3, "output_tokens": 5, "total_tokens": 8}
        end = {"content": "", "usage_metadata": usage, "response_metadata": {"finish_reason": "stop"}}
        yield ChatGenerationChunk(message=AIMessageChunk(**end))


def story() -> Any:
    model = Writer(messages=iter([AIMessage("Once upon a time")]))
    return ChatPromptTemplate.from_template("{topic}") | model | StrOutputParser()


def work(topic: str, config: RunnableConfig) -> str:
    Library().invoke(topic, config)
    measure.invoke({"length": 1}, config)
    return "".join(story().stream({"topic": topic}, config))


def fail(topic: str) -> str:
    raise ValueError(f"no {topic}")


def traced(client: httpx.Client, **options: Any) -> tuple[Client, RunnableConfig]:
    """Return LangSmith's client for this Weir, and the configuration with which LangChain uses it."""
    sender = Client(api_url=f"{client.base_url}/langsmith".replace("//langsmith", "/langsmith"), **options)
    tracer = LangChainTracer(client=sender, project_name="a project")
    return sender, {"callbacks": [tracer], "tags": ["blue"], "metadata": {"ticket": 7}, "run_name": "work"}


def only_run(store: RunArchive) -> Run:
    (run,) = store.runs()
    return run


def wait_for_end(store: RunArchive) -> Run:
    deadline = time.monotonic() + 60
    while not store.runs() or only_run(store).is_live:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return only_run(store)


@pytest.mark.parametrize("way", WAYS)
def test_the_client_sends_the_tree_and_the_first_token(client: httpx.Client, store: RunArchive, way: str) -> None:
    sender, config = traced(client, **WAYS[way])
    RunnableLambda(work).invoke("rain", config)
    sender.flush()
    run = wait_for_end(store)
    assert (run.name, run.status, run.input, answer_text(run.events)) == (
        "work",
        Status.DONE,
        "rain",
        "Once upon a time",
    )
    root = run_tree(run.events)
    assert root is not None
    nodes = [(node.depth, node.type, node.name, node.status) for node in root.walk()]
    assert nodes == [
        (depth, kind, name, NodeStatus.DONE)
        for depth, kind, name in (
            (0, "chain", "work"),
            (1, "retriever", "Library"),
            (1, "tool", "measure"),
            (1, "chain", "RunnableSequence"),
            (2, "prompt", "ChatPromptTemplate"),
            (2, "chat_model", "Writer"),
            (2, "parser", "StrOutputParser"),
        )
    ]
    model = next(node for node in root.walk() if node.is_model)
    (first,) = model.chunk_times
    assert model.ended is not None
    assert model.started <= first <= model.ended
    metrics = run_metrics(run.events)
    assert (metrics.time_to_first_token, metrics.tokens_in, metrics.tokens_out) == (first, 3, 5)
    assert metrics.finish_reason == "stop"
    assert "blue" in root.tags
    assert run.events[0].component.metadata["ticket"] == 7
    ends = {event.type: event for event in run.events if event.event.endswith("_end")}
    assert ends["retriever"].get("output")[0]["page_content"] == "about rain"
    assert ends["chat_model"].get("output")["content"] == "Once upon a time"
    (program,) = client.get("/programs").json()["programs"]
    assert (program["name"], program["kind"], program["runs"], program["refused"]) == ("a project", "langsmith", 1, 0)


def test_an_error_has_its_class_and_message(client: httpx.Client, store: RunArchive) -> None:
    sender, config = traced(client)
    with pytest.raises(ValueError, match="no rain"):
        (RunnableLambda(str) | RunnableLambda(fail)).invoke("rain", config)
    sender.flush()
    run = wait_for_end(store)
    assert run.status is Status.FAILED
    assert run.failure is not None
    assert run.failure.detail == "ValueError: no rain"
    root = run_tree(run.events)
    assert root is not None
    assert [node.error for node in root.walk()] == ["ValueError: no rain", "", "ValueError: no rain"]


def test_a_run_is_there_while_it_goes_on(client: httpx.Client, store: RunArchive) -> None:
    run_id = send(client)
    assert [run.id for run in store.runs()] == [run_id]
    assert only_run(store).is_live
    (item,) = client.get("/runs", params={"program": "default"}).json()["runs"]
    assert (item["id"], item["status"]) == (run_id, "writing")
    assert client.delete(f"/runs/{run_id}").status_code == 409


def operation(run_id: str, **fields: Any) -> dict[str, Any]:
    return {"id": run_id, "trace_id": run_id, "name": "root", "run_type": "chain", "start_time": NOW, **fields}


NOW = "2026-11-28T10:00:00.000000Z"


def send(client: httpx.Client, **fields: Any) -> str:
    run_id = str(uuid.uuid4())
    assert client.post("/langsmith/runs", json=operation(run_id, **fields)).status_code == 202
    return run_id


def test_the_token_is_the_clients_key(serve: Serve, store: RunArchive) -> None:
    with serve(WEIR_API_TOKEN="a-long-random-token") as client:
        assert client.get("/langsmith/info").status_code == 401
        assert client.post("/langsmith/runs", json={}, headers={"x-api-key": "another"}).status_code == 401
        # The key is for LangSmith's paths alone.
        assert client.get("/runs", headers={"x-api-key": "a-long-random-token"}).status_code == 401
        sender, config = traced(client, api_key="a-long-random-token")
        RunnableLambda(str).invoke("rain", config)
        sender.flush()
        assert wait_for_end(store).status is Status.DONE


def test_a_page_of_another_site_sends_nothing(client: httpx.Client, store: RunArchive) -> None:
    headers = {"Sec-Fetch-Site": "cross-site"}
    assert client.post("/langsmith/runs", json=operation("a" * 32), headers=headers).status_code == 403
    assert store.runs() == []


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


GZIP, ZSTD = {"Content-Encoding": "gzip"}, {"Content-Encoding": "zstd"}
HOSTILE: dict[str, tuple[int, Callable[[], dict[str, Any]]]] = {
    "huge": (413, lambda: {"content": b"x" * 1_000_001}),
    "a bomb of gzip": (413, lambda: {"content": gzip.compress(b" " * (MAX_UNPACKED + 1)), "headers": GZIP}),
    "a bomb of zstd": (413, lambda: {"content": zstandard.compress(b" " * (MAX_UNPACKED + 1)), "headers": ZSTD}),
    "no gzip": (422, lambda: {"content": b"hello", "headers": GZIP}),
    "no zstd": (422, lambda: {"content": b"hello", "headers": ZSTD}),
    "brotli": (415, lambda: {"content": b"hello", "headers": {"Content-Encoding": "br"}}),
    "no json": (422, lambda: {"content": b"hello"}),
    "nested": (422, lambda: {"content": b"[" * 100_000}),
    "a list": (422, lambda: {"json": []}),
    "no lists": (422, lambda: {"json": {"post": {}, "patch": 1}}),
    "no runs": (422, lambda: {"json": {"post": [1, None, "x"]}}),
    "a wrong id": (422, lambda: {"json": {"post": [{"id": "../../etc"}]}}),
    "too many": (422, lambda: {"json": {"post": [{}] * 2_001}}),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_body_is_refused(client: httpx.Client, store: RunArchive, kind: str) -> None:
    status, arguments = HOSTILE[kind]
    answer = client.post("/langsmith/runs/batch", **arguments())
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert store.runs() == []


def test_a_form_that_is_none_is_refused(client: httpx.Client, store: RunArchive) -> None:
    form = {"Content-Type": "multipart/form-data; boundary=b"}
    for content, headers in ((b"hello", form), (b"hello", {}), (b"--b\r\n", {"Content-Type": "multipart/form-data"})):
        assert client.post("/langsmith/runs/multipart", content=content, headers=headers).status_code == 422
    part = b'--b\r\nContent-Disposition: form-data; name="%b"\r\n\r\n%b\r\n'
    attachment = part % (b"attachment.%b.x" % (b"a" * 32), b"\x00\xff")
    body = attachment + part % (b"post.%b" % (b"a" * 32), json.dumps(operation("a" * 32)).encode()) + b"--b--\r\n"
    assert client.post("/langsmith/runs/multipart", content=body, headers=form).status_code == 202
    assert only_run(store).name == "root"


def test_fields_of_other_types_count_as_missing(client: httpx.Client, store: RunArchive) -> None:
    wrong = {
        "inputs": [1], "outputs": "x", "tags": {"a": 1}, "events": [{"name": "new_token", "time": []}, 3, None],
        "extra": {"metadata": [1], "runtime": 3}, "session_name": 5, "error": 7, "parent_run_id": 9, "end_time": 1e300,
    }  # fmt: skip
    run_id = send(client, **wrong)
    deep = {"inputs": nested(300), "extra": {"metadata": {"deep": nested(300)}}}
    child = {"id": "b" * 32, "parent_run_id": run_id, "trace_id": run_id, "end_time": 1_795_860_001_000} | deep
    assert client.post("/langsmith/runs", json=operation("b" * 32) | child).status_code == 202
    run = only_run(store)
    assert [event.event for event in run.events] == [
        "on_chain_start", "on_weir_attached", "on_chain_start", "on_chain_end",
    ]  # fmt: skip
    assert run.is_live


def test_another_programs_run_stays_as_it_is(client: httpx.Client, store: RunArchive) -> None:
    run_id = send(client, end_time="2026-11-28T10:00:01Z", outputs={"output": "mine"})
    before = list(only_run(store).events)
    changed = {"post": [operation(run_id, name="yours", outputs={"output": "yours"})], "patch": [{"id": run_id}]}
    assert client.post("/langsmith/runs/batch", json=changed).status_code == 202
    assert list(only_run(store).events) == before
    program = {"program": {"id": "c" * 32, "name": "app.py", "kind": "langsmith"}}
    run = {"id": run_id, "name": "x", "created_at": 1.0, "input": 1, "context": {}}
    lines = [program, {"run": run_id, "line": 0}, {"format": "weir-recording", "version": 1, "run": run}]
    answer = client.post("/attach", content=b"".join(json.dumps(line).encode() + b"\n" for line in lines))
    assert "refused" in answer.json()["runs"][run_id]
    assert list(only_run(store).events) == before

"""The tail in environments without Weir, with other versions of langchain-core: `make test-attach` makes them.

Without them nothing is tested here.
"""

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.attach.test_weir_tail import MODEL
from tests.support.app_process import CLEAN_ENVIRONMENT, ROOT, free_port
from tests.support.attaching import AttachServer, attach_server, runs_of, wait_until
from weir.analysis.answer_reader import answer_text
from weir.analysis.metrics import run_metrics
from weir.analysis.run_tree import NodeStatus, run_tree
from weir.api.langsmith_routes import INFO
from weir.runs.run import Status

FOLDER = Path(os.environ.get("WEIR_TEST_ENVIRONMENTS", "no such folder"))
ENVIRONMENTS = sorted(path.name for path in FOLDER.glob("*") if path.name not in ("gunicorn", "node"))
needs_environments = pytest.mark.skipif(not ENVIRONMENTS, reason="needs WEIR_TEST_ENVIRONMENTS: make test-attach")
TEXT = "Once upon a time"
PROGRAM = f"""{MODEL}
def work(): assert "".join(chain().stream({{"topic": "threads"}})) == "{TEXT}"
threads = [threading.Thread(target=work) for _ in range(2)]
for thread in threads: thread.start()
for thread in threads: thread.join()
async def main():
    async def one(): return [chunk async for chunk in chain().astream({{"topic": "asyncio"}})]
    await asyncio.gather(one(), one())
    async for _ in chain().astream_events({{"topic": "events"}}, version="v2"): pass
asyncio.run(main())
chain().invoke({{"topic": "invoke"}})
"""


@pytest.fixture(scope="module")
def server() -> Iterator[AttachServer]:
    with attach_server() as serving:
        yield serving


def variables(server: AttachServer, folder: Path) -> dict[str, str]:
    """Return what `weir attach --print` says: one file on the path, and the address."""
    (folder / "path").mkdir()
    shutil.copy(ROOT / "weir" / "attach" / "weir_tail.py", folder / "path" / "sitecustomize.py")
    return {
        **CLEAN_ENVIRONMENT,
        "PYTHONPATH": str(folder / "path"),
        "WEIR_ATTACH": server.url,
        "WEIR_ATTACH_TIMEOUT": "60",
    }


@needs_environments
@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_any_version_is_seen_with_every_token(server: AttachServer, tmp_path: Path, name: str) -> None:
    script = f"app_{name}.py"
    (tmp_path / script).write_text(PROGRAM, encoding="utf-8")
    python = str(FOLDER / name / "bin" / "python")
    assert subprocess.run([python, "-c", "import weir"], cwd=tmp_path, capture_output=True, check=False).returncode == 1
    ended = subprocess.run(
        [python, script], cwd=tmp_path, env=variables(server, tmp_path), capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    runs = runs_of(server, script)
    assert [run.status for run in runs] == [Status.DONE] * 6
    assert [run_metrics(run.events).characters for run in runs] == [len(TEXT)] * 6
    streamed = [run for run in runs if run.input != {"topic": "invoke"}]
    assert [run_metrics(run.events).chunks for run in streamed] == [7] * 5
    assert all(run_metrics(run.events).time_to_first_token is not None for run in streamed)


@needs_environments
def test_gunicorns_forked_workers_are_seen(server: AttachServer, tmp_path: Path) -> None:
    program = f"""{MODEL}
chain()
def app(environ, start_response):
    start_response("200 OK", [])
    return [text.encode() for text in chain().stream({{"topic": "gunicorn"}})]
"""
    (tmp_path / "served.py").write_text(program, encoding="utf-8")
    port = free_port()
    command = ["-m", "gunicorn", "--preload", "--workers", "2", "--bind", f"127.0.0.1:{port}", "served:app"]
    process = subprocess.Popen(
        [str(FOLDER / "gunicorn" / "bin" / "python"), *command],
        cwd=tmp_path,
        env=variables(server, tmp_path),
        stderr=subprocess.DEVNULL,
    )
    answers = []

    def is_seen() -> bool:
        with contextlib.suppress(httpx.TransportError):
            answers.append(httpx.get(f"http://127.0.0.1:{port}/", timeout=60).text)
        return len({run.context["program"]["pid"] for run in runs_of(server, "gunicorn served:app")}) == 2

    try:
        wait_until(is_seen)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)
    runs = runs_of(server, "gunicorn served:app")
    assert set(answers) == {TEXT}
    assert [run.status for run in runs] == [Status.DONE] * len(answers)


NOTEBOOK = f"""
import sys
import nbclient, nbformat
source = {MODEL + "_ = list(chain().stream({'topic': 'a notebook'}))"!r}
cells = [nbformat.v4.new_code_cell(text) for text in ("import weir_tail", source)]
nbclient.NotebookClient(nbformat.v4.new_notebook(cells=cells), kernel_name="python3").execute()
"""


@needs_environments
def test_a_notebook_is_attached_by_one_line(server: AttachServer, tmp_path: Path) -> None:
    environment = variables(server, tmp_path)
    (tmp_path / "path" / "sitecustomize.py").rename(tmp_path / "path" / "weir_tail.py")
    python = str(FOLDER / "gunicorn" / "bin" / "python")
    environment["WEIR_ATTACH_NAME"] = "a notebook"
    subprocess.run([python, "-c", NOTEBOOK], cwd=tmp_path, env=environment, check=True, capture_output=True)
    wait_until(lambda: any(not run.is_live for run in runs_of(server, "a notebook")))
    (run,) = runs_of(server, "a notebook")
    assert run_metrics(run.events).chunks == 7


JAVASCRIPT = """
import { FakeListChatModel } from "@langchain/core/utils/testing";
import { ChatPromptTemplate } from "@langchain/core/prompts";
import { StringOutputParser } from "@langchain/core/output_parsers";
import { RunnableLambda } from "@langchain/core/runnables";
import { tool } from "@langchain/core/tools";
import { traceable } from "langsmith/traceable";

const model = new FakeListChatModel({ responses: ["Once upon a time"], sleep: 5 });
const chain = ChatPromptTemplate.fromTemplate("{topic}").pipe(model).pipe(new StringOutputParser());
let text = "";
for await (const chunk of await chain.stream({ topic: "rain" }, { runName: "story", tags: ["blue"] })) text += chunk;
const schema = { type: "object", properties: { a: { type: "number" } } };
const add = tool(async ({ a }) => a + 1, { name: "add", schema });
const failing = RunnableLambda.from(async () => { await add.invoke({ a: 1 }); throw new TypeError("no rain"); });
await failing.invoke("x", { runName: "failing" }).catch(() => {});
await traceable(async (topic) => `about ${topic}`, { name: "traced" })("rain");
console.log(text);
"""


@pytest.mark.skipif(not (FOLDER / "node").exists(), reason="needs WEIR_TEST_ENVIRONMENTS and npm: make test-attach")
@pytest.mark.parametrize("compressed", [False, True])
def test_langsmiths_client_for_javascript_sends_its_tree(
    server: AttachServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, compressed: bool
) -> None:
    if compressed:
        # As beside LangSmith, whose server asks for forms.
        form = INFO["batch_ingest_config"] | {"use_multipart_endpoint": True}
        monkeypatch.setitem(INFO, "batch_ingest_config", form)
        monkeypatch.setitem(INFO, "instance_flags", {"gzip_body_enabled": True})
    project = f"javascript {compressed}"
    (FOLDER / "node" / "app.mjs").write_text(JAVASCRIPT, encoding="utf-8")
    tracing = {"LANGSMITH_TRACING": "true", "LANGSMITH_ENDPOINT": f"{server.url}/api/langsmith"}
    ended = subprocess.run(
        ["node", "app.mjs"],
        cwd=FOLDER / "node",
        env=CLEAN_ENVIRONMENT | tracing | {"LANGSMITH_PROJECT": project, "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stdout.strip(), ended.stderr) == (0, TEXT, "")
    wait_until(lambda: [run.is_live for run in runs_of(server, project)] == [False] * 3)
    story, failing, traced = runs_of(server, project)
    assert (story.name, story.status, story.input) == ("story", Status.DONE, {"topic": "rain"})
    root = run_tree(story.events)
    assert root is not None
    assert [(node.type, node.status) for node in root.walk()] == [
        (kind, NodeStatus.DONE) for kind in ("chain", "prompt", "chat_model", "parser")
    ]
    first = run_metrics(story.events).time_to_first_token
    assert first is not None
    assert first == root.children[1].first_chunk
    assert "blue" in root.tags
    assert answer_text(story.events) == TEXT
    assert failing.status is Status.FAILED
    assert failing.failure is not None
    assert failing.failure.detail == "TypeError: no rain"
    assert [event.type for event in failing.events if event.event.endswith("_start")] == ["chain", "tool"]
    assert (traced.name, answer_text(traced.events)) == ("traced", "about rain")

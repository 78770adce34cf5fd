"""What it costs a program to be attached: nothing attached, the tail, other tracers, and a Weir that fails.

    python -m bench.attach [ROUNDS]

The same program streams 20,000 tokens as fast as it can, as a process of its own for each measurement, in turns. It
prints medians for each token: CPU of the program's own thread, of the whole process with its sending and exit, and wall
time; then the seconds from the last token to the end of the process. Differences are those of pairs of one round.

All run in an environment that is made for it, without Weir, with the same LangChain and the newest OpenInference and
Langfuse. Each tracer sends to a server that takes everything at once.
"""

import contextlib
import http.server
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tests.support.app_process import CLEAN_ENVIRONMENT, ROOT
from tests.support.attaching import AttachServer, attach_server

TOKENS, STREAMS = 2_000, 10
PROGRAM = f"""
import json, os, sys, time
config = {{}}
exec(os.environ.get("TRACER", ""))
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessageChunk
from langchain_core.output_parsers import StrOutputParser
from langchain_core.outputs import ChatGenerationChunk
from langchain_core.prompts import ChatPromptTemplate

class Tokens(BaseChatModel):
    count: int
    _llm_type = "tokens"
    def _generate(self, *_, **__): raise NotImplementedError
    def _stream(self, *_, **__):
        for number in range(self.count):
            yield ChatGenerationChunk(message=AIMessageChunk(content=f" word{{number}}", id="run"))

def stream(count):
    chain = ChatPromptTemplate.from_template("tell {{topic}}") | Tokens(count=count) | StrOutputParser()
    for _ in chain.stream({{"topic": "rain"}}, config): pass

stream(100)
time.sleep(0.3)
wall, cpu = time.perf_counter(), time.thread_time()
for _ in range({STREAMS}): stream({TOKENS})
wall, cpu = time.perf_counter() - wall, time.thread_time() - cpu
print(json.dumps([cpu, wall]), flush=True)
"""

OPENINFERENCE = """
from openinference.instrumentation.langchain import LangChainInstrumentor
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(os.environ["SERVER"] + "/v1/traces")))
LangChainInstrumentor().instrument(tracer_provider=provider)
"""
LANGFUSE = """
from langfuse import Langfuse
from langfuse.langchain import CallbackHandler
Langfuse(public_key="pk-lf-none", secret_key="sk-lf-none", host=os.environ["SERVER"])
config = {"callbacks": [CallbackHandler()]}
"""
SAME = ("langchain", "langchain-core", "langsmith")
OTHERS = (
    "openinference-instrumentation-langchain",
    "opentelemetry-sdk",
    "opentelemetry-exporter-otlp-proto-http",
    "langfuse",
)


def make_environment(folder: Path) -> str:
    """Return the Python of a new environment with Weir's LangChain and the other tracers."""
    uv = str(Path(sys.executable).parent / "uv")
    python = str(folder / "bin" / "python")
    same = [f"{name}=={version(name)}" for name in SAME]
    subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, str(folder)], check=True)
    subprocess.run([uv, "pip", "install", "--quiet", "--python", python, *same, *OTHERS], check=True)
    return python


class Stub(http.server.ThreadingHTTPServer):
    """A server that takes every request and answers with a status after a time; hung: never."""

    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        """Be quiet of a client that has ended."""

    def __init__(self, status: int, seconds: float = 0.0, *, is_hung: bool = False) -> None:
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(length)
                if is_hung:
                    time.sleep(3_600)
                time.sleep(seconds)
                answer = json.dumps({"runs": _next_lines(body) if status == 200 else {}}).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            do_GET = do_POST  # noqa: N815

            def log_message(self, *_: Any) -> None:
                """Be quiet."""

        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


def _next_lines(body: bytes) -> dict[str, Any]:
    """Return the answer of a Weir that takes all lines of a request."""
    found: dict[str, Any] = {}
    for line in body.splitlines():
        if line.startswith(b'{"run":'):
            section = json.loads(line)
            found[section["run"]] = {"next": section["line"]}
        elif found:
            found[next(reversed(found))]["next"] += 1
    return found


@contextlib.contextmanager
def conditions() -> Iterator[tuple[dict[str, dict[str, str]], AttachServer]]:
    """Yield the variables of each condition, by its name; the first is without anything."""
    path = {"PYTHONPATH": str(ROOT / "weir" / "attach" / "pythonpath")}
    quick, hung, slow, failing = Stub(202), Stub(200, is_hung=True), Stub(200, 1.0), Stub(500)
    with attach_server() as weir:
        yield (
            {
                "nothing attached": {},
                "Weir's tail": {**path, "WEIR_ATTACH": weir.url},
                "LangSmith's tracer": {
                    "LANGSMITH_TRACING": "true",
                    "LANGSMITH_ENDPOINT": quick.url,
                    "LANGSMITH_API_KEY": "none",
                },
                "OpenInference": {"TRACER": OPENINFERENCE, "SERVER": quick.url},
                "Langfuse's handler": {"TRACER": LANGFUSE, "SERVER": quick.url},
                "the tail, Weir stopped": {**path, "WEIR_ATTACH": "http://127.0.0.1:9"},
                "the tail, Weir hung": {**path, "WEIR_ATTACH": hung.url},
                "the tail, Weir slow (1 s)": {**path, "WEIR_ATTACH": slow.url},
                "the tail, Weir answers 500": {**path, "WEIR_ATTACH": failing.url},
            },
            weir,
        )
    for stub in (quick, hung, slow, failing):
        stub.shutdown()


def measure(python: str, folder: Path, variables: dict[str, str]) -> tuple[float, float, float, float]:
    """Return microseconds for each token (own thread, whole process, wall), and the seconds to exit."""
    environment = {**CLEAN_ENVIRONMENT, **variables}
    with subprocess.Popen(
        [python, "program.py"], cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        streamed = time.perf_counter()
        _, status, usage = os.wait4(process.pid, 0)
        exit_seconds = time.perf_counter() - streamed
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    cpu, wall = json.loads(line)
    each = 1e6 / (TOKENS * STREAMS)
    return cpu * each, (usage.ru_utime + usage.ru_stime) * each, wall * each, exit_seconds


def main(rounds: int) -> None:
    with tempfile.TemporaryDirectory() as name, conditions() as (variables, weir):
        folder = Path(name)
        (folder / "program.py").write_text(PROGRAM, encoding="utf-8")
        python = make_environment(folder / "environment")
        found: dict[str, list[tuple[float, float, float, float]]] = {condition: [] for condition in variables}
        for number in range(rounds):
            # In turns, now from this end and now from that: a slow minute hits all alike.
            for condition in list(variables)[:: 1 if number % 2 else -1]:
                found[condition].append(measure(python, folder, variables[condition]))
        kept = sum(program.events for program in weir.programs.of_owners({program.owner for program in _all(weir)}))
    if not kept:
        sys.exit("Weir has kept no events: the tail was not loaded.")
    bare = found["nothing attached"]
    print(
        f"{rounds} rounds, {TOKENS * STREAMS:,} tokens each; microseconds for each token, medians (spread of the pairs)"
    )
    print(f"{'':28}{'own thread':>22}{'whole process':>22}{'wall':>22}{'exit, s':>10}")
    for condition, rows in found.items():
        cells = []
        for column in range(3):
            more = sorted(row[column] - base[column] for row, base in zip(rows, bare, strict=True))
            if rows is bare:
                cells.append(f"{statistics.median(row[column] for row in rows):.1f}")
            else:
                cells.append(f"{statistics.median(more):+.1f} ({more[0]:.1f} to {more[-1]:.1f})")
        seconds = statistics.median(row[3] for row in rows)
        print(f"{condition:28}" + "".join(f"{cell:>22}" for cell in cells) + f"{seconds:>10.2f}")
    print(f"Weir has kept {kept:,} events of the tail's {rounds} programs.")


def _all(weir: AttachServer) -> list[Any]:
    return list(weir.programs._programs.values())


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)

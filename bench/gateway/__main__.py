"""What a gateway adds to a model: Weir's /v1, with every event recorded, beside LiteLLM's proxy, in turns.

    python -m bench.gateway [--rounds 5] [--litellm FOLDER]

Each round asks the same model server directly, through Weir and through the proxy: one short answer after another, then
one stream, then fifty at once. Prints the first token (median of all rounds, and what each gateway adds to it) and the
CPU a token of each gateway's processes. LiteLLM is installed into an environment of its own, FOLDER, where it is not
there yet.
"""

import argparse
import asyncio
import contextlib
import json
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import platformdirs

from bench.servers import Server, model_server, run_server, weir
from tests.support.app_process import free_port

SHARE = 1 / 3
"""Of what LiteLLM adds Weir may add at most."""

SHORT, ONE, MANY = "tokens=3", "tokens=300 rate=100", "tokens=60 rate=10"
SHORT_ANSWERS, STREAMS = 20, 50
LITELLM = platformdirs.user_cache_path("weir-bench") / "litellm"


@dataclass(slots=True)
class Target:
    """Where is asked, and what was measured there: seconds and microseconds, by the number of streams."""

    name: str
    url: str
    server: Server | None = None
    """The gateway; None where the model is asked directly."""
    first: dict[int, list[float]] = field(default_factory=lambda: defaultdict(list))
    cpu: dict[int, list[float]] = field(default_factory=lambda: defaultdict(list))

    def used(self) -> float:
        """Return the CPU seconds of its processes."""
        return self.server.cpu() if self.server else 0.0


async def ask(client: httpx2.AsyncClient, url: str, what: str) -> tuple[float, int]:
    """Stream an answer; return the seconds to its first token, and how many tokens it had."""
    body = {
        "model": "bench",
        "messages": [{"role": "user", "content": f"[[{what}]]"}],
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    first, tokens, started = 0.0, 0, time.perf_counter()
    async with client.stream("POST", f"{url}/chat/completions", json=body) as response:
        response.raise_for_status()
        async for line in response.aiter_lines():
            if not line.startswith("data: {"):
                continue
            choices = json.loads(line[6:])["choices"]
            if choices and choices[0]["delta"].get("content"):
                tokens += 1
                first = first or time.perf_counter() - started
    return first, tokens


async def measure_streams(client: httpx2.AsyncClient, target: Target, count: int, what: str) -> None:
    """Ask for several streams at once, and note first tokens and CPU a token."""
    before = target.used()
    answers = await asyncio.gather(*(ask(client, target.url, what) for _ in range(count)))
    tokens = sum(number for _, number in answers)
    expected = count * int(what.partition("tokens=")[2].split()[0])
    assert tokens == expected, f"{target.name}: {tokens} of {expected} tokens have arrived"
    target.cpu[count].append(1e6 * (target.used() - before) / tokens)
    if count > 1:
        target.first[count] += [first for first, _ in answers]


async def measure(targets: list[Target], rounds: int) -> None:
    """Measure all targets in turns, after a round that does not count."""
    limits = httpx2.Limits(max_connections=None, max_keepalive_connections=None)
    async with httpx2.AsyncClient(timeout=600, limits=limits, trust_env=False) as client:
        for number in range(rounds + 1):
            for at in range(len(targets)):
                # Another one begins each time.
                target = targets[(at + number) % len(targets)]
                for _ in range(SHORT_ANSWERS):
                    target.first[1].append((await ask(client, target.url, SHORT))[0])
                await measure_streams(client, target, 1, ONE)
                await measure_streams(client, target, STREAMS, MANY)
            if not number:
                for target in targets:
                    target.first.clear()
                    target.cpu.clear()


@contextlib.contextmanager
def litellm_proxy(model: Server, environment: Path) -> Iterator[Server]:
    """Run LiteLLM's proxy in front of the model server."""
    program = environment / "bin" / "litellm"
    if not program.exists():
        install(environment)
    port = free_port()
    config = environment / "bench.json"  # JSON is YAML
    parameters = {"model": "openai/bench", "api_base": f"{model.url}/v1", "api_key": "none"}
    config.write_text(json.dumps({"model_list": [{"model_name": "bench", "litellm_params": parameters}]}))
    command = [str(program), "--config", str(config), "--host", "127.0.0.1", "--port", str(port)]
    # Neither gateway checks a key here.
    quiet = {
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "LITELLM_LOG": "ERROR",
        "LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY": "true",
    }
    with run_server([*command, "--telemetry", "False"], port, "/health/liveliness", quiet, environment) as server:
        yield server


def install(environment: Path) -> None:
    """Make the environment of LiteLLM's proxy."""
    print(f"installing LiteLLM's proxy into {environment} …", file=sys.stderr)
    uv = str(Path(sys.executable).parent / "uv")
    python = str(environment / "bin" / "python")
    subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, str(environment)], check=True)
    subprocess.run(
        [uv, "pip", "install", "--quiet", "--compile-bytecode", "--python", python, "litellm[proxy]"], check=True
    )


def report(direct: Target, ours: Target, theirs: Target) -> bool:
    """Print the figures, and return whether Weir adds at most its share of what LiteLLM adds."""
    holds = True
    print("| streams | | direct | through Weir | through LiteLLM | Weir adds | LiteLLM adds | Weir ÷ LiteLLM |")
    print("|---|---|---|---|---|---|---|---|")
    for count in (1, STREAMS):
        plain, weirs, proxys = (1e3 * statistics.median(target.first[count]) for target in (direct, ours, theirs))
        added = weirs - plain, proxys - plain
        print(
            f"| {count} | first token | {plain:.1f} ms | {weirs:.1f} ms | {proxys:.1f} ms | {added[0]:.1f} ms | "
            f"{added[1]:.1f} ms | {added[0] / added[1]:.2f} × |"
        )
        used = statistics.median(ours.cpu[count]), statistics.median(theirs.cpu[count])
        print(f"| {count} | CPU a token | – | | | {used[0]:.0f} µs | {used[1]:.0f} µs | {used[0] / used[1]:.2f} × |")
        holds = holds and added[0] <= SHARE * added[1] and used[0] <= SHARE * used[1]
    for target in (ours, theirs):
        rounds = {count: [round(value) for value in values] for count, values in target.cpu.items()}
        print(f"{target.name}, CPU a token of each round, µs: {rounds}")
    print(f"Weir adds at most a third of what LiteLLM adds: {'yes' if holds else 'no'}")
    return holds


def main() -> None:
    """Measure, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--litellm", type=Path, default=LITELLM, metavar="FOLDER")
    arguments = parser.parse_args()
    with model_server() as model, weir(model) as ours, litellm_proxy(model, arguments.litellm) as theirs:
        direct = Target("direct", f"{model.url}/v1")
        gateways = [Target("Weir", f"{ours.url}/v1", ours), Target("LiteLLM", f"{theirs.url}/v1", theirs)]
        asyncio.run(measure([direct, *gateways], arguments.rounds))
        sys.exit(0 if report(direct, *gateways) else 1)


if __name__ == "__main__":
    main()

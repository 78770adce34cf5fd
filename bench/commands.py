"""How long `weir --help` and `weir check` take beside an empty Python program, and `weir ask` for the model's token.

    python -m bench.commands

Prints seconds: the fastest and the median of the turns, on this machine. The programs take turns, so that what else the
machine does meets all of them; the fastest turn is the nearest to what a program costs by itself. For `weir ask` it
is the time from the model server's first token to the command's output.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.support import fake_openai, planted_faults
from tests.support.command_process import running_command

TURNS = 15
TOKENS = 8_000
RULES = (
    *("--first-token", "1s", "--gap-p95", "200ms", "--gap-max", "1s", "--duration", "60s", "--tokens-per-second", "20"),
    *("--finish", "stop", "--no-error", "--doctor", "--contains", "word", "--streams", "ChatOpenAI -> story"),
)


def seconds_of(*arguments: str) -> float:
    """Return the seconds that a program of this Python takes. Raises CalledProcessError if it fails."""
    began = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def first_token_seconds(server: fake_openai.FakeOpenAI, folder: Path) -> float:
    """Return the seconds from the model's first token to that of `weir ask`."""
    server.recover()
    server.plan.tokens = ["First", " token"]
    with running_command(folder, "ask", "Why?", url=server.url) as asked:
        asked.output.wait_for("First")
        shown_at = time.monotonic()
        asked.wait()
    (answer,) = server.answers
    assert answer.first_at is not None
    return shown_at - answer.first_at


def main() -> None:
    """Print the seconds of each program."""
    plan = planted_faults.Plan(("word ",) * TOKENS, (0.3, *[0.005] * (TOKENS - 1)), tokens=TOKENS, calls=0)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run.jsonl"
        path.write_bytes(planted_faults.recording(plan))
        events = path.read_bytes().count(b"\n") - 2
        programs = {
            "python -c pass": ("-c", "pass"),
            "weir --help": ("-m", "weir", "--help"),
            f"weir check, {events:,} events": ("-m", "weir", "check", str(path), *RULES),
        }
        took: dict[str, list[float]] = {name: [] for name in programs}
        for _ in range(TURNS):
            for name, arguments in programs.items():
                took[name].append(seconds_of(*arguments))
        with fake_openai.fake_openai() as server:
            took["first token of weir ask"] = [first_token_seconds(server, Path(folder)) for _ in range(TURNS)]
    for name, seconds in took.items():
        print(f"{name:30}  fastest {min(seconds):.3f} s  median {statistics.median(seconds):.3f} s")


if __name__ == "__main__":
    main()

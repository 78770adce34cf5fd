"""What the packaged model answers to each suggestion of each page, asked many times with the demo's own sampling.

    python -m bench.demo [--times 20] [--only TEXT]

Prints a Markdown table of counts, then every distinct answer, for docs/demo.md. A person reads and judges them.
"""

import argparse
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from chains.conversation import prepare_conversation
from chains.registry import prepare_story, prepare_structured
from chains.routes import DEFAULT_ROUTES
from chains.story_chain import Length, Tone
from chains.structured import EXAMPLES, StructuredMethod
from pages.components.layout import suggestions
from weir.analysis.answer_reader import answer_text
from weir.analysis.metrics import run_metrics
from weir.analysis.outcome import outcome
from weir.analysis.run_json import RunJsonReader
from weir.config.settings import Settings
from weir.llm.chain_registry import PreparedRun
from weir.llm.local.engine import SLOTS
from weir.llm.provider import ModelProvider
from weir.runs.background_loop import BackgroundLoop
from weir.runs.recorder import Recorder
from weir.runs.run import Run
from weir.runs.run_store import MemoryStore

SECONDS = 600


def asked(models: ModelProvider) -> Iterator[tuple[str, str, Callable[[], PreparedRun]]]:
    """Yield page, suggestion and how its run is prepared, with the choices that a page begins with."""
    for question in (route.example for route in DEFAULT_ROUTES):
        yield "Chat", question, lambda question=question: prepare_conversation(models, question, ())  # type: ignore[misc]
    for topic in suggestions.STORY:
        yield "Story", topic, lambda topic=topic: prepare_story(models, topic, Length.MEDIUM, Tone.WARM)  # type: ignore[misc]
    schema = EXAMPLES[suggestions.JSON_SCHEMA]
    method = StructuredMethod.TEXT
    for topic in suggestions.JSON:
        yield "JSON", topic, lambda topic=topic: prepare_structured(models, topic, schema, method)  # type: ignore[misc]


def answer_of(run: Run) -> str:
    """Return the text of a run, or its JSON, with a mark where it did not end by itself."""
    reader = RunJsonReader()
    reader.read(run.events)
    text = answer_text(run.events) or "".join(chunk.text for chunk in reader.chunks())
    end = outcome(run, run_metrics(run.events))
    return f"{text.strip()}\n[{end.status.value}]"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--only", default="", metavar="TEXT", help="the suggestions that have this in them")
    options = parser.parse_args()
    times = options.times
    loop = BackgroundLoop()
    with TemporaryDirectory() as folder:
        models = ModelProvider(Settings(data_folder=Path(folder), openai_api_key=None, openai_base_url=None))
        models.start()
        assert models.engine
        models.engine.wait(SECONDS)
        # Nobody follows these runs, which would otherwise be ended as abandoned.
        recorder = Recorder(MemoryStore(budget=500_000_000), loop, grace_seconds=SECONDS)
        answers: dict[tuple[str, str], Counter[str]] = {}
        for page, suggestion, prepare in asked(models):
            if options.only not in suggestion:
                continue
            counts = answers.setdefault((page, suggestion), Counter())
            for start in range(0, times, SLOTS):
                runs = [_started(recorder, prepare()) for _ in range(min(SLOTS, times - start))]
                for run in runs:
                    run.wait(SECONDS)
                    counts[answer_of(run)] += 1
        models.engine.stop()
        loop.submit(models.aclose()).result(timeout=10)
    loop.close()
    _print(answers)


def _started(recorder: Recorder, prepared: PreparedRun) -> Run:
    return recorder.start(prepared.runnable, prepared.inputs, context=prepared.context)


def _print(answers: dict[tuple[str, str], Counter[str]]) -> None:
    print("| page | suggestion | asked | distinct answers |\n|---|---|---|---|")
    for (page, suggestion), counts in answers.items():
        print(f"| {page} | {suggestion} | {counts.total()} | {len(counts)} |")
    for (page, suggestion), counts in answers.items():
        print(f"\n### {page}: {suggestion}")
        for text, count in counts.most_common():
            print(f"\n{count} times:\n\n````text\n{text}\n````")


if __name__ == "__main__":
    main()

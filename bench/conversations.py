"""What is kept: how long writing an answer, listing conversations and reading a long one take.

    python bench/conversations.py [--url postgresql://…]

Without a URL a file in a temporary folder is used. Prints JSON, in milliseconds.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from weir.storage.database import database_url  # noqa: E402
from weir.storage.repository import ConversationRepository, open_repository  # noqa: E402

VISITOR = "bench"
ANSWER = "All work and no play makes a dull answer. " * 500


def long_conversation(library: ConversationRepository, messages: int) -> str:
    """Keep a conversation of so many messages of 2 kB and return its id."""
    conversation = library.create(VISITOR)
    parent = None
    for _ in range(messages // 2):
        question = library.add_question(VISITOR, conversation, ANSWER[:2000], parent=parent)
        parent = library.answers.add(VISITOR, question, run_id="run")
        library.answers.update(VISITOR, parent, ANSWER[:2000])
    return conversation


def times(action: Callable[[], object], repeat: int) -> dict[str, float]:
    """Return the median and the 99th percentile of an action's time."""
    taken = []
    for _ in range(repeat):
        started = time.perf_counter()
        action()
        taken.append((time.perf_counter() - started) * 1000)
    return {"median": round(statistics.median(taken), 2), "p99": round(statistics.quantiles(taken, n=100)[98], 2)}


def measure(library: ConversationRepository) -> dict[str, dict[str, float]]:
    """Return the times of what an app does most."""
    long = long_conversation(library, 500)
    for number in range(1000):
        conversation = library.create(VISITOR)
        question = library.add_question(VISITOR, conversation, f"Question {number}", parent=None)
        library.answers.add(VISITOR, question)
    answer = library.answers.add(VISITOR, library.path(VISITOR, long)[-2].id, run_id="run")
    exported = library.files.export_json(VISITOR, long)
    return {
        "update an answer of 20 kB": times(lambda: library.answers.update(VISITOR, answer, ANSWER[:20_000]), 300),
        "list 50 of 1,000 conversations": times(lambda: library.conversations(VISITOR), 50),
        "list 1,000 conversations": times(lambda: library.conversations(VISITOR, limit=1000), 50),
        "search 1,000 conversations": times(lambda: library.conversations(VISITOR, "question 9"), 20),
        "read a branch of 500 messages": times(lambda: library.path(VISITOR, long), 50),
        "export 500 messages": times(lambda: library.files.export_json(VISITOR, long), 20),
        "import 500 messages": times(lambda: library.files.import_json(VISITOR, exported), 20),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url")
    url = parser.parse_args().url
    with tempfile.TemporaryDirectory() as folder:
        library = open_repository(database_url(Path(folder), url))
        print(json.dumps(measure(library), indent=2))
        library.close()


if __name__ == "__main__":
    main()

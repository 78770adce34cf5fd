"""What it costs to know the value after every chunk: Weir's parser, and those that parse all of the text so far.

    python bench/json_parsers.py [--slow] [--size 4]

Documents of 10 kB, 100 kB and 1 MB, of objects and of one long string, in chunks of four characters. Processor seconds
for the whole document, and how many times Weir's they are. Figures with ~ are not measured through: the mean over 20
evenly spaced prefixes, times the number of chunks; with --slow LangChain's at 100 kB is measured through.

The documents have no \\u escapes: where one is cut, LangChain's parser goes back, character by character, to where the
string began, and one prefix of 1 MB can take it hours.
"""

import argparse
import json
import time
from collections.abc import Callable, Sequence
from itertools import pairwise

from weir.partial_json.adversarial_chunking import by_characters
from weir.partial_json.fields import Json
from weir.partial_json.parser import PartialJson
from weir.partial_json.parser_comparison import JITER, LANGCHAIN, PYDANTIC, ParserCandidate

SIZES = (10_000, 100_000, 1_000_000)
SAMPLES = 20
MEASURED_TO = {JITER: 100_000, PYDANTIC: 100_000, LANGCHAIN: 10_000}
SLOWLY_MEASURED_TO = {**MEASURED_TO, LANGCHAIN: 100_000}


def objects(size: int) -> str:
    """Return a list of objects like those that models write."""
    made: list[Json] = []
    length = 2
    while length < size:
        number = len(made)
        made.append(
            {
                "id": number,
                "name": f"Item number {number}",
                "price": number * 1.25,
                "tags": ["new", "blue", None, number % 2 == 0],
                "note": 'Two "large" boxes.\nHandle with care: naïve – 1/2.',
            }
        )
        length += len(json.dumps(made[-1])) + 2
    return json.dumps(made, ensure_ascii=False)


def long_string(size: int) -> str:
    """Return an object with one long string."""
    line = 'A line of text with a "quotation", a naïve word and an end.\n'
    return json.dumps({"text": line * (size // (len(line) + 3))}, ensure_ascii=False)


def weir(chunks: Sequence[str]) -> float:
    """Return the seconds that Weir's parser takes for all chunks, its value read after each."""
    parser = PartialJson()
    value: Json = None
    started = time.process_time()
    for chunk in chunks:
        parser.feed(chunk)
        value = parser.value
    parser.finish()
    seconds = time.process_time() - started
    assert value == json.loads("".join(chunks))
    return seconds


def throughout(contestant: ParserCandidate, chunks: Sequence[str]) -> float:
    """Return the seconds that a parser takes for all prefixes."""
    show = contestant.begin()
    started = time.process_time()
    for chunk in chunks:
        attempt(show, chunk)
    return time.process_time() - started


def sampled(contestant: ParserCandidate, chunks: Sequence[str]) -> float:
    """Return the same from some prefixes only."""
    text = "".join(chunks)
    size = len(chunks[0])
    seconds = 0.0
    for sample in range(SAMPLES):
        end = size * int(len(chunks) * (sample + 0.5) / SAMPLES)
        prefix = text[:end]
        started = time.process_time()
        attempt(contestant.begin(), prefix)
        seconds += time.process_time() - started
    return seconds / SAMPLES * len(chunks)


def attempt(show: Callable[[str], Json], chunk: str) -> None:
    """Let a parser show what it can; where there is nothing yet, that takes time as well."""
    try:
        show(chunk)
    except ValueError:
        return


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--slow", action="store_true", help="measure LangChain at 100 kB through (about ten minutes)")
    options.add_argument("--size", type=int, default=4, help="characters in a chunk (default: 4)")
    chosen = options.parse_args()
    measured_to = SLOWLY_MEASURED_TO if chosen.slow else MEASURED_TO
    for make in (objects, long_string):
        print(f"\n{make.__name__.replace('_', ' ')}, chunks of {chosen.size}")
        print(f"{'':28}" + "".join(f"{size // 1000:>20,} kB" for size in SIZES))
        texts = [by_characters(make(size), chosen.size) for size in SIZES]
        ours = [min(weir(chunks) for _ in range(3)) for chunks in texts]
        cells = [f"{seconds:>15.4f} s      " for seconds in ours]
        print(f"{'Weir':28}" + "".join(f"{cell:>23}" for cell in cells))
        growth = [f"{after / before:.1f} times" for before, after in pairwise(ours)]
        print(f"{'  for ten times the text':28}{'':23}" + "".join(f"{cell:>23}" for cell in growth))
        for contestant, limit in measured_to.items():
            cells = []
            for size, chunks, own in zip(SIZES, texts, ours, strict=True):
                seconds = (throughout if size <= limit else sampled)(contestant, chunks)
                mark = "" if size <= limit else "~"
                cells.append(f"{mark}{seconds:,.2f} s {mark}{seconds / own:,.0f}×")
            print(f"{contestant.name:28}" + "".join(f"{cell:>23}" for cell in cells), flush=True)


if __name__ == "__main__":
    main()

"""Messages of the pages: what is to be translated, and the catalogues that have it.

`python -m tests.support.messages` (`make messages`) brings the catalogues up to date, and lists what is not translated.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po, write_po

from chains.classifier.features import SIGNALS
from chains.registry import REGISTRY
from chains.routes import DEFAULT_ROUTES
from chains.story_chain import Length, Tone
from pages.components.inspector.chain_form import fields
from pages.components.layout.translation import DOMAIN, ENGLISH, LANGUAGES, LOCALES, sentences_of_script
from pages.components.session.recordings import samples
from tests.support.sources import parsed
from weir.access.limits import LimitKind
from weir.analysis import outcome as outcome_module
from weir.analysis.finding import IssueKind
from weir.analysis.outcome import AnswerStatus, Outcome
from weir.analysis.progress import RunPhase
from weir.analysis.stop_report import ConnectionEnd
from weir.archive.archive_writer import ArchiveProblem
from weir.llm.chain_registry import ModelNotReadyError
from weir.llm.local.engine_problem import EngineProblem
from weir.partial_json.outline import Stage
from weir.replicas.redis_connection import ReplicaProblem
from weir.runs.failure_sentences import FailureKind
from weir.runs.methods import Method
from weir.runs.run_store import RunUnavailableError
from weir.storage.storage_errors import StorageProblem

ROOT = Path(__file__).parents[2]
WORDS_OF_WEIR = (
    # What is neither in an enum nor in an attribute of a class.
    "The text so far is kept.",
    "Try again when one of them has ended.",
    "You chose it.",
    "The classification gave no category.",
    "There are no words in it.",
    "None of its words is known.",
    "Nothing in it points clearly to one category.",
    "the lane without streaming did not finish",
    "no streaming lane finished",
    "This run is on this replica only: other replicas had lost contact with it.",
    "One of the messages has a role that cannot be sent to a model.",
    "No message is left to send.",
    "Only a graph has a thread and a context, and this chain is none.",
    "This graph has no checkpointer: it keeps no threads, and cannot be resumed.",
    "Name the thread that is to go on: `thread_id`.",
    "There is no JSON in the text.",
    "A question can have 5 files. Send fewer at once.",
    "The embedded model takes no images. Choose another model, or send the question without the image.",
    "Your conversations have 50 MB of files, the most that is kept. Delete one with large files for good, from the bin "
    "too.",
    "There is no room for further files here. Send the question without them, or ask who runs this Weir.",
    "A preset needs a name.",
    "~ marks chunks that were counted where the server has not counted tokens.",
    "It was stopped: these are the figures until then.",
    "The embedded model is not ready.",
    "It was asked no more.",
    "This file is larger than a measurement can be.",
    "This file is not JSON.",
    "the file",
    "nothing in it speaks of mathematics or code.",
    "Nothing in it speaks of mathematics or code.",
    "its words look like that.",
    "Its words look like that.",
    " and ",
    "nothing before its end",
    "burst",
    "bursts",
    "once",
    "twice",
)
"""Sentences that code of `weir` and `chains` has in itself. A test finds each in the sources."""

PUT_TOGETHER = (
    *(f"{side} {kind}" for side in ("Include", "Exclude") for kind in ("names", "types", "tags")),
    *("names", "types", "tags", "kinds", "not names", "not types", "not tags", "name", "type", "tag"),
    *("Include", "Exclude"),
    *("time to first token", "median inter-token latency", "tokens per second", "tokens in", "tokens out"),
    *("chunks", "characters", "duration"),
    *("event", "depth", "data", "end"),
    *("Model", "At once", "Answers", "First token", "95 % below", "Gap", "95 % of gaps below", "Tokens/s each"),
    *("Tokens/s in all", "Cost", "Errors"),
    *("at work", "waiting", "failed", "called", "done"),
)
"""Words that pages or `weir.analysis` put together, or have as values."""


def of_weir() -> Iterator[str]:
    """Yield the sentences of `weir` and `chains` that pages show."""
    yield from WORDS_OF_WEIR
    yield from PUT_TOGETHER
    for kinds in (AnswerStatus, RunPhase, ConnectionEnd, Stage, LimitKind, ReplicaProblem, ArchiveProblem):
        yield from (kind.value for kind in kinds)
    for problems in (FailureKind, StorageProblem, IssueKind):
        yield from (text for problem in problems for text in (problem.message, problem.hint))
    yield from (problem.message for problem in EngineProblem)
    yield from (text for method in Method for text in (method.effect, method.note))
    yield from (text for route in DEFAULT_ROUTES for text in (route.label, route.covers))
    yield from (signal.description for signal in SIGNALS)
    yield from (choice.capitalize() for choices in (Length, Tone) for choice in choices)
    yield from (error.message for error in subclasses(RunUnavailableError))
    yield ModelNotReadyError.message
    for chain in REGISTRY:
        yield chain.description
        for field in fields(chain.input_model.model_json_schema()):
            yield field.name_in_words
            yield str(field.schema.get("description", ""))
    yield from (title for title, _content in samples().values())
    yield from (text for end in fixed_outcomes() for text in (end.message, end.hint))


def subclasses(base: type[RunUnavailableError]) -> Iterator[type[RunUnavailableError]]:
    """Yield the classes below one, at any depth."""
    for child in base.__subclasses__():
        yield child
        yield from subclasses(child)


def fixed_outcomes() -> list[Outcome]:
    """Return the outcomes whose sentences are in `weir.analysis.outcome` itself."""
    return [value for value in vars(outcome_module).values() if isinstance(value, Outcome)]


def messages_in(module: ast.Module) -> Iterator[tuple[str | tuple[str, str], str | None]]:
    """Yield what a module gives to the translating functions, with its context; in f-strings too, unlike Babel."""
    for node in ast.walk(module):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
            continue
        texts = [part.value for part in node.args if isinstance(part, ast.Constant) and isinstance(part.value, str)]
        match node.func.id, texts:
            case "_" | "N_", [text]:
                yield text, None
            case "ngettext", [one, many]:
                yield (one, many), None
            case "pgettext", [context, text]:
                yield text, context


def template() -> Catalog:
    """Return all messages, without translations."""
    catalogue = Catalog(domain=DOMAIN)
    for path in sorted((ROOT / "pages").rglob("*.py")):
        for message, context in messages_in(parsed(path)):
            catalogue.add(message, None, [(path.relative_to(ROOT).as_posix(), 0)], context=context)
    for path in sorted((ROOT / "pages").rglob("*.js")):
        for text in sentences_of_script(path.read_text(encoding="utf-8")):
            catalogue.add(text, None, [(path.relative_to(ROOT).as_posix(), 0)])
    for text in of_weir():
        if text and text not in catalogue:
            catalogue.add(text, None, [("weir", 0)])
    return catalogue


def path_of(code: str) -> Path:
    """Return the catalogue of a language."""
    return LOCALES / code / "LC_MESSAGES" / f"{DOMAIN}.po"


def read(code: str) -> Catalog:
    """Return the catalogue of a language as it is in its file; an empty one if there is no file yet."""
    if not path_of(code).exists():
        return Catalog(locale=code, domain=DOMAIN)
    with path_of(code).open("rb") as file:
        return read_po(file, locale=code, domain=DOMAIN, abort_invalid=True)


def write(catalogue: Catalog, path: Path) -> None:
    """Write a catalogue, without line numbers and dates, which change with each edit of anything."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        write_po(file, catalogue, width=110, sort_by_file=True, include_lineno=False, ignore_obsolete=True)


def is_translated(message: Message) -> bool:
    """Whether a message has a translation, in all its plural forms."""
    return all(forms_of(message)) and not message.fuzzy


def forms_of(message: Message) -> list[str]:
    """Return the translation of a message, or those of its plural forms."""
    text = message.string
    return [text or ""] if isinstance(text, str) or text is None else list(text)


def main() -> None:
    """Bring all catalogues up to date, and list what is not translated."""
    for code in LANGUAGES:
        if code == ENGLISH:
            continue
        catalogue = read(code)
        catalogue.update(template(), no_fuzzy_matching=True, update_creation_date=False)
        write(catalogue, path_of(code))
        missing = [message.id for message in catalogue if message.id and not is_translated(message)]
        sys.stdout.write(f"{path_of(code)}: {len(catalogue)} messages, {len(missing)} without a translation\n")
        sys.stdout.writelines(f"  {text!r}\n" for text in missing)


if __name__ == "__main__":
    main()

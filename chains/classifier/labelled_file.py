"""Files of labelled questions, to measure a router with and to learn one from: `.tsv`, `.csv` or `.jsonl`.

A line of a `.tsv` file is a category and a question, with a tab between them. A source, as a second column, has figures
of its own; a source whose name begins with `id_` is Indonesian, and so on for the other languages, one without is
English. In a line of four columns the third is the question before, which the last one follows up. `\\n`, `\\t` and
`\\\\` stand for what a line cannot hold. A `.csv` file has the same columns, and may have a line of titles. A line of a
`.jsonl` file is an object with `category` and `question`, and may have `source`, `language` and `history`.
"""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

from pydantic import AliasChoices, BaseModel, Field, StringConstraints, ValidationError

from chains.classifier.examples import CATEGORIES, Example
from weir.config.router_catalogue import ROUTE_NAME

KINDS = ("tsv", "csv", "jsonl")
"""Endings of the files."""

MOST_CHARACTERS = 20_000
"""Of one question."""

_LANGUAGES = frozenset({"id", "es", "de", "fr", "pt", "it", "nl"})
_ESCAPED = re.compile(r"\\(.)")
_TITLES = {"category", "route", "label"}
_OBJECT = "is not an object with a category and a question"
_FORM = "is not a category, a source and one or two questions"

Row = tuple[int, list[str]]
"""The number of a line, and its columns."""


def load_sources(path: Path, categories: Sequence[str] | None = CATEGORIES) -> list[tuple[str, Example]]:
    """Read a file. Raises OSError, UnicodeDecodeError, or ValueError if a line is not of its form."""
    return read_sources(path.name, path.read_bytes(), categories)


def read_sources(name: str, content: bytes, categories: Sequence[str] | None = CATEGORIES) -> list[tuple[str, Example]]:
    """Return the questions of a file with their sources. `categories` are those it may have; None is any.

    Raises UnicodeDecodeError, or ValueError with the name and the line of what is not of its form.
    """
    text = content.decode("utf-8-sig")
    if name.lower().endswith((".jsonl", ".ndjson")):
        return [_of_object(f"{name}:{number}", line, categories) for number, line in _lines(text)]
    rows = _csv_rows(name, text) if name.lower().endswith(".csv") else _tsv_rows(text)
    return [_of_columns(f"{name}:{number}", columns, categories) for number, columns in rows]


def _lines(text: str) -> Iterator[tuple[int, str]]:
    # Not `splitlines`: it ends lines at characters that a question may have.
    return ((number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip())


def _tsv_rows(text: str) -> Iterator[Row]:
    for number, line in _lines(text):
        category, *columns = line.rstrip("\r").split("\t")
        source = columns[:-1][:1]
        yield number, [category, *source, *(_ESCAPED.sub(_character, one) for one in columns[len(source) :])]


def _csv_rows(name: str, text: str) -> Iterator[Row]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    began = 1
    try:
        for columns in reader:
            is_title = began == 1 and columns and columns[0].strip().lower() in _TITLES
            if any(one.strip() for one in columns) and not is_title:
                yield began, columns
            began = reader.line_num + 1
    except csv.Error as error:
        raise ValueError(f"{name}:{began} cannot be read as CSV: {error}") from None


def _of_columns(at: str, columns: Sequence[str], categories: Sequence[str] | None) -> tuple[str, Example]:
    category, *rest = columns
    _check_category(at, category, categories)
    if not 1 <= len(rest) <= 3:
        raise ValueError(f"{at} {_FORM}")
    source, *texts = rest if len(rest) > 1 else ("", *rest)
    *earlier, question = texts
    _check_question(at, question, _FORM)
    language = source[:2] if source[2:3] == "_" and source[:2] in _LANGUAGES else "en"
    return source, Example(question, category, language, tuple(("human", text) for text in earlier))


class _Object(BaseModel):
    """A line of a `.jsonl` file; what else it has is left alone."""

    category: str = Field(validation_alias=AliasChoices("category", "route"))
    question: str
    source: str = ""
    language: Annotated[str, StringConstraints(max_length=20)] = "en"
    history: tuple[tuple[str, str], ...] = ()


def _of_object(at: str, line: str, categories: Sequence[str] | None) -> tuple[str, Example]:
    try:
        found = _Object.model_validate_json(line)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, problem["loc"]))
        raise ValueError(f"{at} {_OBJECT}: {f'{place}: ' if place else ''}{problem['msg']}") from None
    _check_category(at, found.category, categories)
    _check_question(at, found.question, _OBJECT)
    history = tuple((role, text[:MOST_CHARACTERS]) for role, text in found.history)
    return found.source, Example(found.question, found.category, found.language, history)


def _check_category(at: str, category: str, categories: Sequence[str] | None) -> None:
    if categories is None:
        if not re.fullmatch(ROUTE_NAME, category):
            raise ValueError(
                f"{at} does not begin with the name of a category: small letters, digits, - and _, for example billing"
            )
    elif category not in categories:
        raise ValueError(f"{at} is not a question with its category: {_either(categories)}")


def _check_question(at: str, question: str, form: str) -> None:
    if not question.strip():
        raise ValueError(f"{at} {form}")
    if len(question) > MOST_CHARACTERS:
        raise ValueError(f"{at} has a question of more than {MOST_CHARACTERS:,} characters")


def _either(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} or {names[-1]}"


def _character(match: re.Match[str]) -> str:
    return {"n": "\n", "t": "\t"}.get(match.group(1), match.group(1))

"""No pattern and no function over text of a visitor, a model or a file takes more than linear time.

A walk over the code finds the patterns, so that a new one is tested without being listed.
"""

import ast
import contextlib
import dataclasses
import functools
import importlib
import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import pytest

from chains.arithmetic import find_calculation
from chains.classifier.features import evidence, quotes
from chains.classifier.follow_up import follow_up_weight
from chains.classifier.instruction import parts_of
from chains.classifier.tokenization import char_ngrams, readable, tokens
from pages.components.answer.display_markdown import DisplayMarkdown, to_display_markdown
from pages.components.answer.truncation import DisplayTruncator
from pages.components.inspector.data_view import places_of
from pages.components.layout import formatting
from tests.support.pumping import ENDS, LENGTH, MIXED, SEPARATORS, Pump, cut, nonlinear_time, pumps, uses
from tests.support.sources import parsed
from weir.core.redaction import Redactor
from weir.partial_json.adversarial_chunking import split_inside_characters, split_inside_tokens
from weir.partial_json.dialect import LIKE_LANGCHAIN, MODEL_ANSWER, STRICT, Dialect
from weir.partial_json.parser import PartialJson
from weir.partial_json.schema_budget import pattern_is_small
from weir.storage import json_export, markdown_export
from weir.storage.records import Conversation, Message, MessageStatus, Role
from weir.storage.sanitize import replace_unstorable, sanitize_json
from weir.storage.title import one_line, title_from_question
from weir.text.invisible_characters import InvisibleCharacterFilter
from weir.text.latex_delimiters import LatexDelimiterRewriter
from weir.text.markdown_blocks import MarkdownBlockSplitter, split
from weir.text.markdown_sanitizer import MarkdownSanitizer

ROOT = Path(__file__).parents[1]
ROOMS = ("weir", "chains", "pages", "streamlit_app.py")
MAKERS = {"compile", "match", "fullmatch", "search", "sub", "subn", "split", "findall", "finditer", "template"}
METHODS = MAKERS - {"compile", "template"}

MADE_FROM_PARTS = {
    ("weir/core/redaction.py", "__init__"): "of the secrets of the settings: tests/core/test_redaction.py pumps it",
    (
        "pages/components/layout/weir_sentences.py",
        "_patterns",
    ): "of Weir's own templates: texts of more than `MAX_TEXT` characters are not searched",
    (
        "weir/partial_json/schema_budget.py",
        "compile_pattern",
    ): "of a visitor's JSON Schema: `ValidationBudget` limits the time of each search",
}
"""Functions that make a pattern from their arguments, and why it needs no pump of its own."""

NOT_FOREIGN = {
    ("weir/api/middleware/security_headers.py", "_INLINE_SCRIPT"): "reads Streamlit's own index.html",
    ("weir/config/setting_types.py", "_ORIGIN"): "reads the environment",
    ("weir/config/settings.py", "_PASSWORD"): "reads the environment",
}
"""Patterns that read no text of a visitor, of a model or of an uploaded file."""


PARTS = 8
"""The patterns are pumped in so many parts: a test for each pattern would have every worker find them all."""


class Site(NamedTuple):
    """A position in the code that makes or uses a pattern."""

    file: str
    function: str
    """The innermost enclosing function; empty at module level."""
    name: str
    """The name that the pattern is assigned to, if any."""
    argument: ast.expr
    flags: ast.expr | None
    line: int


def files() -> list[Path]:
    rooms = [ROOT / room for room in ROOMS]
    return sorted(path for room in rooms for path in (room.rglob("*.py") if room.is_dir() else [room]))


def has_patterns(path: Path) -> bool:
    """Whether a file may have a `Site`. Searching its text takes a hundredth of the time of parsing it."""
    return re.search(r"\bre(?:gex)?\b|\bpattern\b", path.read_text(encoding="utf-8")) is not None


def sites(tree: ast.Module, file: str) -> Iterator[Site]:
    """Yield each call of `re` or `regex` that takes a pattern, and each call with an argument `pattern=`."""

    def walk(node: ast.AST, function: str, name: str) -> Iterator[Site]:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            function = node.name
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            name = node.targets[0].id
        if isinstance(node, ast.Call):
            yield from sites_of_call(node, function, name)
        for child in ast.iter_child_nodes(node):
            yield from walk(child, function, name)

    def sites_of_call(node: ast.Call, function: str, name: str) -> Iterator[Site]:
        named = {keyword.arg: keyword.value for keyword in node.keywords}
        owner = node.func.value if isinstance(node.func, ast.Attribute) else None
        is_re = isinstance(owner, ast.Name) and owner.id in ("re", "regex")
        if is_re and isinstance(node.func, ast.Attribute) and node.func.attr in MAKERS:
            argument = node.args[0] if node.args else named["pattern"]
            flags = named.get("flags", node.args[1] if node.func.attr == "compile" and len(node.args) > 1 else None)
            yield Site(file, function, name, argument, flags, node.lineno)
        elif isinstance(named.get("pattern"), ast.Constant | ast.JoinedStr):
            yield Site(file, function, name, named["pattern"], None, node.lineno)

    yield from walk(tree, "", "")


def methods_of_names(tree: ast.Module, file: str) -> Iterator[tuple[str, str]]:
    """Yield each name of a file with a method called on it: `_TOKEN.match(…)`, `_TOKENS[…].match(…)`."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Attribute) or node.attr not in METHODS:
            continue
        owner = node.value.value if isinstance(node.value, ast.Subscript) else node.value
        if isinstance(owner, ast.Name):
            yield f"{file}:{owner.id}", node.attr


@functools.cache
def sites_and_methods() -> tuple[tuple[Site, ...], dict[str, set[str]]]:
    """Return all sites of the code, and the methods called on each name of their files."""
    found: list[Site] = []
    methods: dict[str, set[str]] = defaultdict(set)
    for path in filter(has_patterns, files()):
        file, tree = str(path.relative_to(ROOT)), parsed(path)
        if of_file := list(sites(tree, file)):
            found += of_file
            for name, method in methods_of_names(tree, file):
                methods[name].add(method)
    return tuple(found), methods


def all_sites() -> tuple[Site, ...]:
    return sites_and_methods()[0]


def patterns_in(value: Any, depth: int = 0) -> Iterator[re.Pattern[Any]]:
    """Yield the patterns in a module's value: itself, or inside lists, dictionaries and dataclasses."""
    if isinstance(value, re.Pattern):
        yield value
    elif depth < 3 and isinstance(value, list | tuple | set | frozenset):
        for item in value:
            yield from patterns_in(item, depth + 1)
    elif depth < 3 and isinstance(value, dict):
        yield from patterns_in(list(value.values()), depth + 1)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        yield from patterns_in([getattr(value, field.name) for field in dataclasses.fields(value)], depth + 1)


def module_of(file: str) -> Any:
    return importlib.import_module(file.removesuffix(".py").replace("/", "."))


def is_excepted(site: Site) -> bool:
    return (site.file, site.function) in MADE_FROM_PARTS or (site.file, site.name) in NOT_FOREIGN


def pattern_at(site: Site) -> re.Pattern[Any] | None:
    """Return the pattern of a site; None if it is made from the arguments of a function."""

    def value(node: ast.expr | None) -> Any:
        return node and eval(compile(ast.Expression(node), site.file, "eval"), vars(module_of(site.file)))

    try:
        argument = value(site.argument)
        return argument if isinstance(argument, re.Pattern) else re.compile(argument, value(site.flags) or 0)
    except NameError:
        return None


@functools.cache
def foreign_patterns() -> dict[str, tuple[re.Pattern[Any], set[str]]]:
    """Return all patterns to pump, with the methods that are called on each."""
    _, methods = sites_and_methods()
    patterns: dict[str, tuple[re.Pattern[Any], set[str]]] = {}
    for file in sorted({site.file for site in all_sites() if not site.function}):
        for name, value in vars(module_of(file)).items():
            if (file, name) not in NOT_FOREIGN:
                for number, pattern in enumerate(dict.fromkeys(patterns_in(value))):
                    patterns[f"{file}:{name}[{number}]"] = (pattern, methods[f"{file}:{name}"])
    known = {pattern for pattern, _ in patterns.values()}
    for site in all_sites():
        unnamed = None if is_excepted(site) else pattern_at(site)
        if unnamed and unnamed not in known:
            patterns[f"{site.file}:{site.line}"] = (unnamed, set())
    return patterns


def test_each_pattern_of_the_code_is_pumped_or_says_why_not() -> None:
    unknown = [f"{site.file}:{site.line}" for site in all_sites() if not is_excepted(site) and pattern_at(site) is None]
    assert unknown == [], "makes a pattern from arguments: use a constant, or give the reason in MADE_FROM_PARTS"
    assert len(foreign_patterns()) > 50


def test_each_listed_exception_exists() -> None:
    assert {(site.file, site.function) for site in all_sites()} >= set(MADE_FROM_PARTS)
    assert {(site.file, site.name) for site in all_sites()} >= set(NOT_FOREIGN)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
def test_patterns_take_linear_time(part: int) -> None:
    for name, (pattern, methods) in list(foreign_patterns().items())[part::PARTS]:
        for run in uses(pattern, methods):
            for pump in pumps(pattern):
                assert nonlinear_time(run, pump) is None, (name, pattern.pattern)


@pytest.mark.slow
@pytest.mark.parametrize("source", [r"(?:a|a+)+\Z", r"\s*,", r"\w+\s*=", r"(a*)b\1"])
def test_a_pattern_that_takes_more_than_linear_time_is_found(source: str) -> None:
    pattern = re.compile(source)
    assert any(nonlinear_time(run, pump, LENGTH // 8) for run in uses(pattern, set()) for pump in pumps(pattern))


# Functions ------------------------------------------------------------------------------------------------------------

UNITS = (
    *SEPARATORS,
    *MIXED,
    *("![", "![a](", "](", "[a](", "`a", "``a`", "$a$", "$a ", "\\(", "- a\n", "- a\n\n", "1. a\n  ", "> ", "> - "),
    *("```\n", "```mermaid\n", "~~~\n", "&#", "&#x202e;", "<b ", "<!--", "| ` ", "$$\n", "*a", "**a ", "_a ", "~~a "),
    *('{"', '{"a": ', '["', "[1], ", ": {", '\\"', "\\u00e9", "1e", "-1.", "true ", "```json\n", "sk-aaaaa", "\ufeff"),
    *("\u200d", "\u202e", "\u00ad", "\u2800", "\U0001f3f4\U000e0067", "\ufdfa", "\ud800", "é", "漢"),
)
IN_JSON = ("", '{"a": "')
IN_MARKDOWN = ("", "- a\n\n", "1. a\n   ```\n")

Chunked = Callable[[list[str]], object]
"""Takes a text in chunks."""


class Rewriter(Protocol):
    """Takes a text in chunks and gives it back changed."""

    def feed(self, text: str) -> str: ...

    def flush(self) -> str: ...


def rewriting(make: Callable[[], Rewriter]) -> Chunked:
    def run(chunks: list[str]) -> None:
        rewriter = make()
        for chunk in chunks:
            rewriter.feed(chunk)
        rewriter.flush()

    return run


def displaying(chunks: list[str]) -> None:
    display = DisplayMarkdown()
    for chunk in chunks:
        display.feed(chunk)
    display.rest()


def splitting(chunks: list[str]) -> None:
    splitter = MarkdownBlockSplitter()
    for chunk in chunks:
        splitter.feed(chunk)
    assert len(splitter.remainder) >= len(splitter.visible_tail)


def truncating(chunks: list[str]) -> None:
    truncator = DisplayTruncator()
    for chunk in chunks:
        truncator.take(chunk)


def parsing(dialect: Dialect) -> Chunked:
    def run(chunks: list[str]) -> None:
        parser = PartialJson(dialect=dialect)
        for chunk in chunks:
            parser.feed(chunk)
        parser.finish()

    return run


CHUNKED: dict[str, Chunked] = {
    "LaTeX delimiters": rewriting(LatexDelimiterRewriter),
    "Markdown sanitizer": rewriting(MarkdownSanitizer),
    "invisible characters": rewriting(InvisibleCharacterFilter),
    "display Markdown": displaying,
    "Markdown blocks": splitting,
    "truncation": truncating,
    "JSON in prose": parsing(MODEL_ANSWER),
    "JSON alone": parsing(STRICT),
    "JSON like LangChain's": parsing(LIKE_LANGCHAIN),
}

SECRETS = Redactor(["sk-" + "a" * 60, "`" * 30, "a1" * 20, '"\\' * 20])


def question(text: str) -> Message:
    return Message("1", None, Role.HUMAN, text, None, MessageStatus.DONE, {}, 0.0, 0.0, ("1",))


def read_file(text: str) -> None:
    with contextlib.suppress(json_export.UnreadableError):
        json_export.read(text.encode(errors="replace"))


WHOLE: dict[str, Callable[[str], object]] = {
    "display Markdown in blocks": lambda text: split(to_display_markdown(text)),
    "title": title_from_question,
    "one line": one_line,
    "unstorable characters": replace_unstorable,
    "unstorable characters in JSON": lambda text: sanitize_json({text: [text]}),
    "Markdown export": lambda text: markdown_export.write(text, [question(text)]),
    "export": lambda text: json_export.write(Conversation("1", text, True, 0.0, 0.0, None), [question(text)], 0.0, {}),
    "import": read_file,
    "secrets in a text": SECRETS.redact,
    "secrets in a payload": lambda text: SECRETS.redact_json(json.dumps(text).encode()),
    "escaped": formatting.escape_markdown,
    "inline code": formatting.inline_code,
    "places of a search": lambda text: list(places_of(text[: len(text) // 4] + "\0", text)),
    "chunks of a text": lambda text: (split_inside_tokens(text), split_inside_characters(text)),
    "pattern of a schema": pattern_is_small,
    "readable": readable,
    "words": lambda text: (tokens(text), char_ngrams(text)),
    "arithmetic": find_calculation,
    "words of lists": quotes,
    "instruction": parts_of,
    "follow-up": lambda text: follow_up_weight(text[:300], evidence(text[:300]).asked, np.full(3, 1 / 3)),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", WHOLE)
def test_a_function_takes_linear_time(name: str) -> None:
    for pump in (Pump(before, unit, end) for unit in UNITS for before in IN_JSON[:1] for end in ENDS[:2]):
        assert nonlinear_time(WHOLE[name], pump) is None


@pytest.mark.slow
@pytest.mark.parametrize("name", CHUNKED)
@pytest.mark.parametrize(("size", "length"), [(1, LENGTH // 4), (LENGTH, LENGTH)])
def test_a_function_takes_linear_time_however_its_text_is_cut(name: str, size: int, length: int) -> None:
    befores = IN_JSON if "JSON" in name else IN_MARKDOWN
    for pump in (Pump(before, unit, "!") for unit in UNITS for before in befores):
        assert nonlinear_time(lambda text: CHUNKED[name](cut(text, size)), pump, length) is None


LONG_LENGTH = 120_000
"""Length from which copying the whole text at each chunk takes longer than everything else."""
LONG_UNITS = ("a", " ", "\n", "`", "~", "$", "\\", "- ", "a b", "$a")


@pytest.mark.slow
@pytest.mark.parametrize("name", CHUNKED)
def test_nothing_is_copied_or_searched_again_at_each_chunk(name: str) -> None:
    def run(text: str) -> None:
        CHUNKED[name](cut(text, 1))

    within = '{"a": "' if "JSON" in name else "- a\n  ```\n"
    for pump in (Pump(before, unit) for unit in LONG_UNITS for before in ("", within)):
        assert nonlinear_time(run, pump, LONG_LENGTH, budget=20.0) is None


@pytest.mark.slow
@pytest.mark.parametrize("name", [*CHUNKED, *WHOLE])
def test_nothing_is_copied_at_each_line(name: str) -> None:
    run = WHOLE.get(name) or (lambda text: CHUNKED[name]([text]))
    for unit in LONG_UNITS:
        assert nonlinear_time(run, Pump("", unit), LONG_LENGTH, budget=20.0) is None

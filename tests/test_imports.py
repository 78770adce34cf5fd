"""The rooms and the arrows between them: who may import whom."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ALLOWED = {
    "streamlit_app": {"pages", "api", "chains", "streaming", "conversations"},
    "weir": {"pages", "chains", "streaming"},
    "pages": {"pages", "chains", "streaming", "conversations"},
    "api": {"api", "chains", "streaming"},
    "chains": {"chains", "local_model"},
    "streaming": {"streaming"},
    "local_model": {"local_model"},
    "conversations": {"conversations"},
}
SINGLE_MODULES = {"chains": {"streaming.partial_json", "streaming.json_dialect"}}
"""Of a room that is not in `ALLOWED`: modules that know nothing of runs."""
WEB = {"streamlit", "starlette", "fastapi"}
WEBLESS = {"chains", "streaming", "local_model", "conversations"}


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or "."


def files_of(room: str) -> list[Path]:
    return [ROOT / f"{room}.py"] if room in ("streamlit_app", "weir") else sorted((ROOT / room).rglob("*.py"))


def forbidden(room: str, names: Iterator[str]) -> list[str]:
    tops = [name.split(".")[0] for name in names if name not in SINGLE_MODULES.get(room, ())]
    strangers = [top for top in tops if top in ALLOWED and top not in ALLOWED[room]]
    return strangers + [top for top in tops if room in WEBLESS and top in WEB]


@pytest.mark.parametrize("room", ALLOWED)
def test_rooms_import_along_the_arrows_only(room: str) -> None:
    files = files_of(room)
    assert files
    found = {str(path.relative_to(ROOT)): forbidden(room, imports(path)) for path in files}
    assert {path: names for path, names in found.items() if names} == {}


@pytest.mark.parametrize(
    ("room", "name"),
    [
        ("streaming", "chains.story"),
        ("chains", "streaming.run"),
        ("api", "pages.chat"),
        ("streaming", "streamlit"),
        ("conversations", "streaming.run"),
        ("conversations", "streamlit"),
    ],
)
def test_a_forbidden_arrow_is_found(room: str, name: str) -> None:
    assert forbidden(room, iter([name])) == [name.split(".")[0]]


def test_the_partial_json_parser_knows_nothing_of_runs() -> None:
    pending, known = {"streaming.partial_json", "streaming.json_dialect"}, set[str]()
    while pending:
        known.add(name := pending.pop())
        found = imports(ROOT / f"{name.replace('.', '/')}.py")
        pending |= {other for other in found if other.split(".")[0] in ALLOWED} - known
    assert {name for name in known if not name.startswith("streaming.json_")} == {"streaming.partial_json"}


def reads_environment(path: Path) -> bool:
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    return any(isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv") for node in nodes)


def test_only_settings_reads_the_environment() -> None:
    assert [str(path) for room in ALLOWED for path in files_of(room) if reads_environment(path)] == [
        str(ROOT / "chains" / "settings.py")
    ]
    assert reads_environment(Path(__file__).parent / "browser" / "conftest.py")


def test_only_the_model_file_makes_a_chat_openai() -> None:
    makers = [
        str(path.relative_to(ROOT))
        for room in ALLOWED
        for path in files_of(room)
        if "ChatOpenAI(" in path.read_text(encoding="utf-8")
    ]
    assert makers == ["chains/model.py"]

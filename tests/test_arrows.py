"""The rooms and the arrows between them: who may import whom."""

import ast
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from tests.support.sources import parsed

ROOT = Path(__file__).parents[1]
ALLOWED: dict[str, set[str]] = {
    "weir.core": set(),
    "weir.config": set(),
    "weir.attach": set(),
    "weir.text": set(),
    "weir.partial_json": set(),
    "weir.storage": set(),
    "weir.runs": {"weir.core"},
    "weir.analysis": {"weir.core", "weir.runs", "weir.partial_json"},
    "weir.archive": {"weir.core", "weir.runs", "weir.analysis", "weir.storage"},
    "weir.replicas": {"weir.core", "weir.runs", "weir.storage"},
    "weir.access": {"weir.config", "weir.core", "weir.runs", "weir.analysis"},
    "weir.llm": {"weir.config", "weir.core", "weir.partial_json", "weir.runs"},
    "weir.measure": {"weir", "weir.analysis", "weir.config", "weir.llm", "weir.runs"},
    "weir.api": {
        "weir", "weir.access", "weir.analysis", "weir.archive", "weir.config", "weir.core", "weir.llm", "weir.runs",
        "weir.storage",
    },
    "weir.app": {
        "weir.access", "weir.analysis", "weir.api", "weir.archive", "weir.config", "weir.core", "weir.llm",
        "weir.replicas", "weir.runs", "weir.storage",
    },
    "weir.cli": {
        "weir", "weir.access", "weir.analysis", "weir.api", "weir.app", "weir.archive", "weir.attach", "weir.config",
        "weir.core", "weir.llm", "weir.measure", "weir.partial_json", "weir.runs", "weir.storage", "weir.text",
    },
    "weir.library": {
        "weir", "weir.analysis", "weir.config", "weir.core", "weir.llm", "weir.runs",
    },
    "weir": {"weir.attach", "weir.cli", "weir.library", "weir.llm", "weir.partial_json"},
    "chains": {"weir.config", "weir.llm", "weir.runs"},
    "pages": {
        "chains", "weir", "weir.access", "weir.analysis", "weir.app", "weir.archive", "weir.config", "weir.core",
        "weir.llm", "weir.measure", "weir.partial_json", "weir.runs", "weir.storage", "weir.text",
    },
    "streamlit_app": {"chains", "pages", "weir.app", "weir.config"},
}  # fmt: skip
WEB = {"streamlit", "starlette", "fastapi"}
MAY_USE_THE_WEB = {
    "streamlit": {"pages", "streamlit_app"},
    "starlette": {"pages", "weir.api", "weir.app", "streamlit_app"},
    "fastapi": {"weir.api"},
}


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = node.module or "."
            # `from weir import core` imports a room.
            yield from (f"{module}.{alias.name}" for alias in node.names) if module == "weir" else (module,)


def sources() -> list[Path]:
    folders = [path for top in ("weir", "chains", "pages") for path in sorted((ROOT / top).rglob("*.py"))]
    return [ROOT / "streamlit_app.py", *folders]


def room_of(module: str) -> str:
    """Return the room of a module: a sub-package of `weir`, or a top-level package."""
    top, *rest = module.split(".")
    return f"weir.{rest[0]}" if top == "weir" and rest and f"weir.{rest[0]}" in ALLOWED else top


def room_of_file(path: Path) -> str:
    return room_of(".".join(path.relative_to(ROOT).with_suffix("").parts))


def forbidden(room: str, modules: Iterable[str]) -> list[str]:
    rooms = [room_of(module) for module in modules]
    strangers = [other for other in rooms if other in ALLOWED and other != room and other not in ALLOWED[room]]
    return strangers + [other for other in rooms if other in WEB and room not in MAY_USE_THE_WEB[other]]


@pytest.mark.parametrize("room", ALLOWED)
def test_rooms_import_along_the_arrows_only(room: str) -> None:
    files = [path for path in sources() if room_of_file(path) == room]
    assert files
    found = {str(path.relative_to(ROOT)): forbidden(room, imports(path)) for path in files}
    assert {path: names for path, names in found.items() if names} == {}


@pytest.mark.parametrize(
    ("room", "module"),
    [
        ("weir.core", "weir.runs.run"),
        ("weir.runs", "weir.analysis.metrics"),
        ("weir.analysis", "weir.access.limits"),
        ("weir.partial_json", "weir.runs.run"),
        ("weir.llm", "chains.story_chain"),
        ("chains", "weir.analysis.metrics"),
        ("weir.api", "pages.chat"),
        ("weir.api", "chains.registry"),
        ("weir.app", "streamlit"),
        ("weir.storage", "weir.runs.run"),
    ],
)
def test_a_forbidden_arrow_is_found(room: str, module: str) -> None:
    assert forbidden(room, [module]) == [room_of(module)]


def test_no_file_name_occurs_twice() -> None:
    files = [*sources(), *(ROOT / "bench").glob("*.py")]
    names = Counter(path.name for path in files if path.name not in ("__init__.py", "__main__.py"))
    assert [name for name, count in names.items() if count > 1] == []


def reads_environment(path: Path) -> bool:
    nodes = ast.walk(parsed(path))
    return any(isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv") for node in nodes)


def test_only_settings_reads_the_environment() -> None:
    readers = [str(path.relative_to(ROOT)) for path in sources() if reads_environment(path)]
    # The tail runs inside other people's programs, where Weir's settings do not count.
    assert readers == ["weir/attach/weir_tail.py", "weir/config/settings.py"]
    assert reads_environment(Path(__file__).parent / "support" / "app_process.py")


def test_the_client_of_redis_is_imported_by_those_who_use_it_only() -> None:
    others = [path for path in sources() if room_of_file(path) != "weir.replicas"]
    at_import = {
        str(path.relative_to(ROOT)): name
        for path in others
        for statement in parsed(path).body
        if isinstance(statement, ast.Import | ast.ImportFrom)
        for name in ([statement.module] if isinstance(statement, ast.ImportFrom) else [a.name for a in statement.names])
        if name and name.split(".")[:2] in (["redis"], ["weir", "replicas"])
    }
    assert at_import == {}


def test_only_one_file_makes_a_chat_openai() -> None:
    makers = [str(path.relative_to(ROOT)) for path in sources() if "ChatOpenAI(" in path.read_text(encoding="utf-8")]
    assert makers == ["weir/llm/chat_model.py", "weir/llm/overrides/checked_chat_openai.py"]

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from langchain_core.runnables import Runnable

from chains.registry import REGISTRY
from tests.support.graphs import two_nodes
from weir.config.settings import SettingsError, settings
from weir.config.user_chains import ChainImportError, check_importable_in_app, import_runnable, parse_chain_list
from weir.llm.chain_registry import spec_of_runnable

PACKAGE = """
from langchain_core.runnables import RunnableLambda

shout = RunnableLambda(str.upper)

def make():
    return RunnableLambda(str.lower)

def plain(text):
    return text

class Holder:
    inner = shout

def fails():
    raise RuntimeError("no key")
"""


@pytest.fixture
def outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """A package that is not part of Weir, and how to name its chains in WEIR_CHAINS."""
    (tmp_path / "somewhere").mkdir()
    (tmp_path / "somewhere" / "chains.py").write_text(PACKAGE)
    (tmp_path / "somewhere" / "broken.py").write_text("import not_installed_at_all")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.chdir(tmp_path)

    def name(chains: str) -> None:
        monkeypatch.setenv("WEIR_CHAINS", chains)
        settings.cache_clear()
        REGISTRY.reload()

    yield name
    settings.cache_clear()
    REGISTRY.reload()


@pytest.mark.parametrize("path", ["shout", "make", "Holder.inner"])
def test_a_runnable_or_what_makes_one_is_imported(outside: Callable[[str], None], path: str) -> None:
    assert isinstance(import_runnable(f"somewhere.chains:{path}"), Runnable)


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("somewhere.chains:absent", "AttributeError"),
        ("nowhere.chains:shout", "ModuleNotFoundError: No module named 'nowhere'"),
        ("somewhere.broken:shout", "No module named 'not_installed_at_all'"),
        ("somewhere.chains:plain", "is a function, not a LangChain Runnable"),
        ("somewhere.chains:fails", "RuntimeError: no key"),
    ],
)
def test_what_cannot_be_imported_gives_a_sentence(outside: Callable[[str], None], path: str, sentence: str) -> None:
    with pytest.raises(ChainImportError) as caught:
        import_runnable(path)
    assert sentence in str(caught.value)
    assert str(caught.value).endswith(".")


def test_chains_of_the_environment_stand_in_the_catalogue(outside: Callable[[str], None]) -> None:
    outside("shout=somewhere.chains:shout, low = somewhere.chains:make, story=somewhere.chains:shout, x=nowhere:y")
    assert [chain.name for chain in REGISTRY][-2:] == ["shout", "low"]
    assert REGISTRY.get("shout").input_model.model_json_schema()["title"]
    first, second = REGISTRY.problems
    assert "story is the name of a built-in chain" in first
    assert "nowhere:y cannot be imported" in second


@pytest.mark.parametrize("is_regular_package", [True, False])
def test_check_importable_in_app_refuses_a_package_with_a_name_of_the_apps(
    outside: Callable[[str], None], tmp_path: Path, is_regular_package: bool
) -> None:
    check_importable_in_app("chains.registry:REGISTRY")  # Weir's own
    (tmp_path / "chains").mkdir()
    if is_regular_package:
        (tmp_path / "chains" / "__init__.py").touch()
    with pytest.raises(ChainImportError, match="Rename yours, or record the run with `weir chains:agent --record"):
        check_importable_in_app("chains:agent")
    outside("mine=chains:agent")
    assert "the app has a package called chains itself" in REGISTRY.problems[0]


@pytest.mark.parametrize("value", ["shout", "shout=somewhere", "a b=x:y", "a=x:y,a=x:z", "a=x:y:z", "=x:y"])
def test_a_value_of_another_form_stops_the_start(outside: Callable[[str], None], value: str) -> None:
    outside(value)
    with pytest.raises(SettingsError, match="WEIR_CHAINS has a value"):
        settings()


def test_nothing_names_nothing() -> None:
    assert parse_chain_list(" , ") == ()


def test_a_graph_whose_state_pydantic_refuses_takes_json() -> None:
    schema = spec_of_runnable("g", "a:g", two_nodes()).input_model.model_json_schema()
    # From Python 3.12 on pydantic takes `typing.TypedDict`.
    assert schema == {} if sys.version_info < (3, 12) else schema["properties"]

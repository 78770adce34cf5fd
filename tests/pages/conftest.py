"""The app's pages without a browser, in this process, against a model server on loopback."""

import functools
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from streamlit.components.v2 import manifest_scanner
from streamlit.runtime.scriptrunner.script_cache import ScriptCache
from streamlit.testing.v1 import AppTest, local_script_runner
from streamlit.testing.v1.local_script_runner import LocalScriptRunner

from pages.components.session import app_services as service_module
from tests.support.app_test import NAVIGATION, open_app
from tests.support.fake_openai import FakeOpenAI
from weir.config.settings import settings


@pytest.fixture(scope="session", autouse=True)
def once_for_all() -> Iterator[None]:
    """Have done once what a server does once, and `AppTest` for each session or run.

    It looks through the installed packages for components (200 ms), and compiles the scripts (10 ms). It also waits for
    a run's end by looking at all events of the run a thousand times a second: a quarter of a test's time.
    """
    look_for_the_end = local_script_runner.require_widgets_deltas

    def await_end(runner: LocalScriptRunner, timeout: float = 3) -> None:
        assert runner._script_thread is not None
        runner._script_thread.join(timeout)
        look_for_the_end(runner, timeout)

    compiled_by = ScriptCache().get_bytecode

    def get_bytecode(_: ScriptCache, script_path: str) -> Any:
        return compiled_by(script_path)

    with pytest.MonkeyPatch.context() as patch:
        once = functools.cache(manifest_scanner.scan_component_manifests)
        patch.setattr(manifest_scanner, "scan_component_manifests", once)
        patch.setattr(ScriptCache, "get_bytecode", get_bytecode)
        patch.setattr(local_script_runner, "require_widgets_deltas", await_end)
        yield


@pytest.fixture(autouse=True)
def main_module() -> Iterator[None]:
    """Streamlit makes the script that it runs the main module; a process that a later test spawns would run it too."""
    main = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = main


@pytest.fixture
def inspector(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[AppTest]:
    """The Inspector of the visitor `me`, not drawn yet. Its model cannot be reached."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    settings.cache_clear()
    service_module.close_services()
    test = AppTest.from_file(NAVIGATION, default_timeout=30)
    test.session_state["visitor"] = "me"
    yield test.switch_page("events.py")
    service_module.close_services()
    settings.cache_clear()


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, openai_server: FakeOpenAI) -> Iterator[AppTest]:
    """One visitor's session on the chat page. `open_app()` opens another visitor's of the same app."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_BASE_URL", openai_server.url)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-canary")
    monkeypatch.setenv("OPENAI_MODEL", "fake")
    monkeypatch.setenv("WEIR_TIMEOUT", "1")
    monkeypatch.setenv("WEIR_RETRIES", "0")
    settings.cache_clear()
    service_module.close_services()
    yield open_app()
    service_module.close_services()
    settings.cache_clear()

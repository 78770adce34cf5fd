"""Model status where no model can answer."""

from types import SimpleNamespace

import pytest
from streamlit.testing.v1 import AppTest

from weir.config.capabilities import Capabilities
from weir.llm.local.engine import EnginePhase, EngineState
from weir.llm.local.engine_problem import EngineProblem


class FailingEngine:
    """An engine whose first load is killed, and whose second load takes too long."""

    is_packaged = True

    def __init__(self) -> None:
        self.state = EngineState(EnginePhase.LOADING, "tiny")
        self.started = 0

    def watch(self, *_: object, **__: object) -> EngineState:
        problem = EngineProblem.TOO_SLOW if self.started else EngineProblem.KILLED
        self.state = EngineState(EnginePhase.FAILED, "tiny", problem=problem, detail="It was ended after 300 s.")
        return self.state

    def ensure(self) -> EngineState:
        if self.state.problem is EngineProblem.KILLED:
            self.start()
        return self.state

    def start(self) -> None:
        self.started += 1
        self.state = EngineState(EnginePhase.LOADING, "tiny")


def await_model() -> None:
    from pages.components.layout.model_status import ModelStatus

    ModelStatus().await_model()


def test_await_model_waits_for_a_second_load_and_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = FailingEngine()
    models = SimpleNamespace(
        engine=engine,
        endpoint=lambda: None,
        start=engine.start,
        catalogue=("tiny",),
        found=(),
        capabilities=Capabilities(tools=False, json_schema=True),
    )
    for module in ("layout.model_status", "layout.found_models", "session.model_choice"):
        monkeypatch.setattr(f"pages.components.{module}.service", lambda: SimpleNamespace(models=models))
    app = AppTest.from_function(await_model, default_timeout=30).run()
    assert not app.exception
    assert engine.started == 1
    assert [warning.value for warning in app.warning] == [
        "**No model can answer yet.** The embedded model took too long to load. It was ended after 300 s. "
        "Press *Try again*, or name a smaller model."
    ]
    assert [button.label for button in app.button] == ["Try again"]

"""Waiting for the embedded model, for a chain that needs it."""

from collections.abc import Callable

from weir.llm.chain_registry import ModelNotReadyError, PreparedRun
from weir.llm.provider import LOAD_TIMEOUT_SECONDS, EnginePhase, ModelProvider

ENGINE_TIMEOUT_SECONDS = LOAD_TIMEOUT_SECONDS + 60
"""Seconds to wait for the embedded model to be checked and loaded."""


class NoModelError(Exception):
    """No model can answer; the text says why."""


def await_model(
    models: ModelProvider,
    build: Callable[[], PreparedRun],
    *,
    on_wait: Callable[[], None] = lambda: None,
    timeout: float = ENGINE_TIMEOUT_SECONDS,
) -> PreparedRun:
    """Return what `build` returns, after at most `timeout` seconds for the embedded model if it is needed.

    `on_wait` is called before the wait, if there is one. Raises NoModelError where no model can answer.
    """
    try:
        return build()
    except ModelNotReadyError:
        on_wait()
        _await_engine(models, timeout)
    try:
        return build()
    except ModelNotReadyError:
        raise NoModelError("The embedded model stopped before the run began. Run the command again.") from None


def _await_engine(models: ModelProvider, timeout: float) -> None:
    engine = models.engine
    assert engine is not None
    models.start()
    state = engine.wait(timeout=timeout)
    if state.problem is not None:
        raise NoModelError(f"{state.problem.message} {state.detail}".rstrip())
    if state.phase is not EnginePhase.READY:
        raise NoModelError(f"The embedded model is not ready after {timeout:.0f} s: it is {state.phase}.")

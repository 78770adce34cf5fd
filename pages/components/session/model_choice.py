"""Which model a page asks: the one that its visitor has picked, or that the address names (`?model=`)."""

import streamlit as st

from pages.components.session.app_services import service
from pages.components.session.page_history import is_return
from weir.llm.provider import FoundModel, ModelProvider

KEY = "model"
"""Of the picker in the session, and of the parameter in the address."""

_PICK = "picked_model"


def page_models() -> ModelProvider:
    """Return the provider of the picked model, or of the default one, which counts as not picked."""
    picked = st.session_state.get(KEY)
    return service().models if picked == service().models.name else models_of(picked)


def models_of(name: str | None) -> ModelProvider:
    """Return the provider of a model; of the default one where the catalogue has none of that name any more."""
    models = service().models
    return models.select(name) if name in models.catalogue.names else models


def has_choice() -> bool:
    """Whether there is more than one model."""
    return len(service().models.catalogue) > 1


def routes_choose() -> bool:
    """Whether a route names its model, so that the chat may leave the choice to the routes."""
    return has_choice() and service().models.catalogue.routing.names_models


def other_models(name: str) -> list[str]:
    """Return the names of the models but this one."""
    return [other for other in service().models.catalogue.names if other != name]


def newly_named() -> str | None:
    """Return the model that the address names, once for each address: a choice that is made later wins over it."""
    named, page = st.query_params.get(KEY), st.session_state.get("current_page")
    seen = st.session_state.get("model_seen")
    st.session_state.model_seen = (page, named)
    return named if (page, named) != seen and named in service().models.catalogue.names else None


def follow_address() -> None:
    """Pick the model that the address names, or have the address name the one that another page has picked.

    Called before the picker is drawn. The address of a run stays as it is, so that *Back* does not lead to it again.
    """
    if (named := newly_named()) is not None:
        st.session_state[KEY] = named
    elif is_return() and picked_elsewhere() and not {KEY, "run"} & set(st.query_params):
        name_in_address()


def picked_elsewhere() -> str:
    """Return the model that was picked on another page; "" for the default one."""
    picked = st.session_state.get(KEY)
    return picked if picked in service().models.catalogue.names and address_of(picked) else ""


def pick(name: str) -> None:
    """Have the other pages begin with a model that was picked in a conversation; "" leaves it to the routes."""
    st.session_state[KEY] = name or service().models.name


def address_of(name: str) -> dict[str, str]:
    """Return the parameter of the address for a model; none for the default one."""
    return {KEY: name} if name and name != service().models.name else {}


def name_in_address() -> None:
    """Put the picked model into the address: the picker's callback."""
    named = address_of(st.session_state[KEY])
    if named:
        st.query_params.update(named)
    else:
        st.query_params.pop(KEY, None)
    st.session_state.model_seen = (st.session_state.get("current_page"), named.get(KEY))


def pick_found(found: FoundModel) -> None:
    """Use a model that was found on this machine: on this page and, as with the picker, on the others."""
    name = service().models.add(found)
    st.session_state[KEY] = st.session_state[_PICK] = name
    name_in_address()


def take_pick() -> str | None:
    """Return the model that `pick_found` has picked, once, for a page with a picker of its own."""
    picked: str | None = st.session_state.pop(_PICK, None)
    return picked

"""What a person does and the database refuses is told to them, on the next drawing of the page."""

import functools
import logging
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import streamlit as st

from weir.storage.storage_errors import ConversationNotFoundError, StorageError

P = ParamSpec("P")
R = TypeVar("R")

_LOG = logging.getLogger(__name__)


def report_storage_errors(action: Callable[P, R]) -> Callable[P, R | None]:
    """Return the same action for a widget's callback: where it cannot be kept it changes nothing and says so."""

    @functools.wraps(action)
    def told(*args: P.args, **kwargs: P.kwargs) -> R | None:
        try:
            return action(*args, **kwargs)
        except StorageError as error:
            _LOG.warning("not kept: %s", error)
            st.session_state.storage_trouble = f"This was not kept. {error.problem.sentence} {error.problem.remedy}"
        except ConversationNotFoundError:
            st.session_state.storage_trouble = "This conversation is not there any more: another tab has deleted it."
        return None

    return told


def draw_storage_error() -> None:
    """Say what could not be kept, once."""
    if trouble := st.session_state.pop("storage_trouble", ""):
        st.error(trouble, icon=":material/database_off:")

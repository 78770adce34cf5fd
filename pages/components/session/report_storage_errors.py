"""Storage errors of widget callbacks, reported on the page by the run of the script that follows the callback."""

import functools
import logging
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import streamlit as st

from pages.components.layout.translation import _
from pages.components.layout.weir_sentences import translated
from weir.storage.storage_errors import ConversationNotFoundError, StorageError

P = ParamSpec("P")
R = TypeVar("R")

_LOG = logging.getLogger(__name__)


def report_storage_errors(action: Callable[P, R]) -> Callable[P, R | None]:
    """Decorate a widget's callback: a storage error ends it, and is shown by `draw_storage_error`."""

    @functools.wraps(action)
    def reporting(*args: P.args, **kwargs: P.kwargs) -> R | None:
        try:
            return action(*args, **kwargs)
        except StorageError as error:
            _LOG.warning("not stored: %s", error)
            st.session_state.storage_trouble = (
                f"{_('This was not kept.')} {translated(error.problem.message)} {translated(error.problem.hint)}"
            )
        except ConversationNotFoundError:
            st.session_state.storage_trouble = _("This conversation was deleted in another tab.")
        return None

    return reporting


def draw_storage_error() -> None:
    """Draw the storage error of the last callback, once."""
    if trouble := st.session_state.pop("storage_trouble", ""):
        st.error(trouble, icon=":material/database_off:")

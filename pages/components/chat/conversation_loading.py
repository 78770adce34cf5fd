"""The open conversation from the repository, and what the chat page says where the repository fails."""

from collections.abc import Mapping, Sequence

import streamlit as st

from pages.components.chat.chat_actions import ChatActions
from pages.components.chat.turns import Turn, turns_of
from pages.components.layout.translation import _
from pages.components.layout.weir_sentences import translated
from pages.components.session.app_services import service
from weir.storage.database import IN_MEMORY_URL
from weir.storage.records import Feedback
from weir.storage.repository import open_repository
from weir.storage.storage_errors import ConversationNotFoundError, StorageError


def load_conversation(actions: ChatActions) -> tuple[Sequence[Turn], Mapping[str, Feedback]]:
    """Return the turns of the open conversation and the user's feedback. Raises StorageError.

    A conversation that does not exist, or is another user's, is closed; the page says so, unless a link of a shared run
    named it: the page shows that run then. A conversation of the terminal becomes that of the user who opens its link.
    """
    state, repository, user_id = actions.state, actions.repository, actions.user_id
    if not state.conversation_id:
        return [], {}
    try:
        return _read(actions, state.conversation_id)
    except ConversationNotFoundError:
        if repository.take_over(user_id, state.conversation_id):
            return _read(actions, state.conversation_id)
        if state.shared_run_id is None:
            st.warning(_("There is no such conversation here, or it is another user's."), icon=":material/link_off:")
            actions.open_conversation(None)
        state.conversation_id = None
        return [], {}


def _read(actions: ChatActions, conversation_id: str) -> tuple[Sequence[Turn], Mapping[str, Feedback]]:
    turns = turns_of(actions.repository.path(actions.user_id, conversation_id))
    return turns, actions.repository.feedback.of_conversation(actions.user_id, conversation_id)


def draw_unsaved_warning(placeholder: st.delta_generator.DeltaGenerator) -> None:
    """Say that conversations are not stored, while that is so."""
    error = service().storage_problem or service().answer_writer.problem
    if error is None:
        placeholder.empty()
        return
    placeholder.warning(
        _("Conversations are not kept at the moment. {message} {hint}").format(
            message=translated(error.problem.message), hint=translated(error.problem.hint)
        ),
        icon=":material/database_off:",
    )


def offer_unsaved_conversation(error: StorageError, actions: ChatActions) -> None:
    """Say why the conversations cannot be read, and open an empty one in memory."""
    st.error(f"{translated(error.problem.message)} {translated(error.problem.hint)}", icon=":material/database_off:")
    st.markdown(_("Until then this tab continues with a conversation that is not kept."))
    actions.state.unsaved_conversations = open_repository(IN_MEMORY_URL)
    actions.open_conversation(None)
    st.button(_("Continue"), icon=":material/refresh:")

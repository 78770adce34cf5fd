"""Session state of the chat page."""

from dataclasses import dataclass, field

import streamlit as st

from chains.router import Route
from pages.components.session import run_links
from weir.storage.records import Message
from weir.storage.repository import ConversationRepository


@dataclass(slots=True)
class ChatState:
    """What the chat page of one tab keeps from one script run to the next."""

    conversation_id: str | None = None
    shared_run_id: str | None = None
    """The run of a link. It is shown alone where its conversation is another user's."""
    edited_question_id: str | None = None
    sent_answer_id: str | None = None
    """The newest answer that was asked for in this tab: the page scrolls to it once."""
    opened_count: int = 0
    """How often a conversation was opened: each time the focus goes to the input."""
    expanded_question_id: str | None = None
    """An older turn whose actions are shown."""
    deleted_conversation_id: str | None = None
    """The conversation that *Undo* restores."""
    requested_routes: dict[str, Route] = field(default_factory=dict)
    """The routes that the user chose, by the id of the waiting answer."""
    compared_answers: dict[str, Message] = field(default_factory=dict)
    """The answer to draw beside another, by the id of that one."""
    unsaved_conversations: ConversationRepository | None = None
    """In memory, for this tab, while the database cannot be opened or read."""


def load_chat_state() -> ChatState:
    """Return the page's state. The address sets the conversation: with `?conversation=`, or with `?run=` at first."""
    named = st.query_params.get("conversation")
    if "chat_state" not in st.session_state:
        st.session_state.chat_state = ChatState(named) if named is not None else _state_of_linked_run()
    state: ChatState = st.session_state.chat_state
    if named is not None:
        state.conversation_id = named
    return state


def _state_of_linked_run() -> ChatState:
    run = run_links.linked_run("chat")
    if run is None:
        return ChatState()
    conversation_id = run.context.get("conversation")
    return ChatState(conversation_id if isinstance(conversation_id, str) else None, shared_run_id=run.id)

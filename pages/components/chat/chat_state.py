"""Session state of the chat page."""

from dataclasses import dataclass, field

import streamlit as st

from pages.components.chat.conversation_options import ConversationOptions
from pages.components.session import run_links
from pages.components.session.model_choice import address_of, newly_named, picked_elsewhere
from weir.runs.run import Run
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
    found_message_id: str | None = None
    """The message that a search has found in the open conversation: the page scrolls to it once."""
    refused_count: int = 0
    """How often a question was not sent: each time the page scrolls to the reason."""
    opened_count: int = 0
    """How often a conversation was opened: each time the focus goes to the input."""
    is_address_stale: bool = False
    """Whether the address still names the conversation, or its newest run, before the last click."""
    expanded_question_id: str | None = None
    """An older turn whose actions are shown."""
    deleted_conversation_id: str | None = None
    """The conversation that *Undo* restores."""
    new_options: ConversationOptions = field(default_factory=ConversationOptions)
    """Options of the conversation that the next question begins."""
    requested_routes: dict[str, str] = field(default_factory=dict)
    """The routes that the user chose, by the id of the waiting answer."""
    requested_models: dict[str, str] = field(default_factory=dict)
    """The models that were chosen for one answer, by the id of the waiting answer."""
    continued_texts: dict[str, str] = field(default_factory=dict)
    """The text that a waiting answer continues, by its id."""
    compared_answers: dict[str, Message] = field(default_factory=dict)
    """The answer to draw beside another, by the id of that one."""
    unsaved_conversations: ConversationRepository | None = None
    """In memory, for this tab, while the database cannot be opened or read."""

    def open(
        self, conversation_id: str | None, shared_run_id: str | None = None, *, message_id: str | None = None
    ) -> None:
        """Show another conversation, from a message on if one is named; with None, an empty page."""
        self.conversation_id, self.shared_run_id = conversation_id, shared_run_id
        self.found_message_id = message_id
        self.edited_question_id = None
        self.opened_count += 1

    def show_address(self, run: Run | None) -> None:
        """Put the conversation and its newest run into the address, in one step: one *Back* leaves a conversation."""
        address = {"conversation": self.conversation_id} if self.conversation_id else {}
        if address and run:
            address["run"] = run.id
        if not address:
            # A conversation keeps its model; the address names that of the next one.
            address = address_of(self.new_options.asked_model)
        shown = st.query_params.to_dict()
        # A link that names the run alone stays as it is: with another entry, *Back* would lead to the link again.
        is_link = (
            "run" in shown
            and "conversation" not in shown
            and (self.conversation_id is None or shown["run"] == self.shared_run_id)
        )
        if shown != address and (self.is_address_stale or not is_link):
            st.query_params.from_dict(address)
        self.is_address_stale = False


def load_chat_state(*, is_return: bool) -> ChatState:
    """Return the page's state, with the conversation that the address names by `?conversation=` or `?run=`.

    An address without either is an empty page, unless the visitor returns from another page (`is_return`).
    """
    is_new = "chat_state" not in st.session_state
    state: ChatState = st.session_state.setdefault("chat_state", ChatState())
    named_model = newly_named()
    if state.is_address_stale:
        return state
    if (named := st.query_params.get("conversation")) is not None:
        if named != state.conversation_id:
            state.open(named)
    elif is_new or not is_return:
        opened = _of_linked_run()
        if opened != (state.conversation_id, state.shared_run_id):
            state.open(*opened)
    if named_model is None and is_return:
        # The model that another page has picked is that of the next conversation.
        named_model = picked_elsewhere() or None
    if named_model is not None and state.conversation_id is None:
        state.new_options = state.new_options.model_copy(update={"asked_model": named_model})
    return state


def _of_linked_run() -> tuple[str | None, str | None]:
    """Return the ids of the conversation and the run that a link names; None, None if it names none."""
    run = run_links.linked_run("chat")
    if run is None:
        return None, None
    conversation_id = run.context.get("conversation")
    return conversation_id if isinstance(conversation_id, str) else None, run.id

"""The visitor's conversations, beside the chat."""

from collections.abc import Callable

import streamlit as st

from pages.components.layout.formatting import escape_markdown
from pages.components.layout.upload import draw_upload
from pages.components.session.current_user import has_persistent_identity
from pages.components.session.report_storage_errors import report_storage_errors
from weir.storage.records import Conversation
from weir.storage.repository import ConversationRepository

SHOWN = 60
MAX_IMPORT_MB = 20


def draw_sidebar(
    library: ConversationRepository, visitor: str, current: str | None, go: Callable[[str | None], None]
) -> None:
    """Draw the list, with search, rename, delete with undo, export and import; `go` opens a conversation."""
    with st.sidebar:
        st.button("New chat", icon=":material/edit_square:", on_click=go, args=(None,), width="stretch")
        search = st.text_input(
            "Search conversations",
            key="chat_search",
            type="search",
            placeholder="Search",
            label_visibility="collapsed",
        )
        if deleted := st.session_state.get("chat_deleted"):
            with st.container(horizontal=True, vertical_alignment="center"):
                st.caption("Deleted.", width="content")
                st.button(
                    "Undo",
                    icon=":material/undo:",
                    type="tertiary",
                    key="chat_undo",
                    on_click=_undo,
                    args=(library, visitor, deleted, go),
                )
        found = library.conversations(visitor, search, limit=SHOWN)
        if not found and search:
            st.caption("No conversation holds this.")
        elif not has_persistent_identity():
            st.caption("Your browser keeps no cookie of Weir: your conversations are kept for as long as this tab.")
        elif not found:
            st.caption("Your conversations are kept here.")
        for conversation in found:
            _draw_one(library, visitor, conversation, conversation.id == current, go)
        with st.popover("Import", icon=":material/upload_file:", type="tertiary"):
            _draw_import(library, visitor, go)


def _draw_one(
    library: ConversationRepository,
    visitor: str,
    conversation: Conversation,
    is_current: bool,
    go: Callable[[str | None], None],
) -> None:
    name, menu = (
        st.columns([5, 1], vertical_alignment="center", gap="xxsmall") if is_current else (st.container(), None)
    )
    name.button(
        escape_markdown(conversation.title or "New chat"),
        key=f"open-{conversation.id}",
        type="secondary" if is_current else "tertiary",
        on_click=go,
        args=(conversation.id,),
        width="stretch",
    )
    if menu is not None:
        with menu.popover("", icon=":material/more_horiz:", type="tertiary", help="Rename, export, delete"):
            _draw_menu(library, visitor, conversation, go)


def _draw_menu(
    library: ConversationRepository, visitor: str, conversation: Conversation, go: Callable[[str | None], None]
) -> None:
    key = f"title-{conversation.id}"

    @report_storage_errors
    def rename() -> None:
        library.rename(visitor, conversation.id, st.session_state[key])

    st.text_input(
        "Title",
        value=conversation.title,
        key=key,
        max_chars=200,
        on_change=rename,
    )
    st.download_button(
        "Markdown",
        lambda: library.export_markdown(visitor, conversation.id),
        file_name="conversation.md",
        mime="text/markdown",
        icon=":material/download:",
        on_click="ignore",
        key=f"md-{conversation.id}",
    )
    st.download_button(
        "JSON, with all branches",
        lambda: library.export_json(visitor, conversation.id),
        file_name="conversation.json",
        mime="application/json",
        icon=":material/download:",
        on_click="ignore",
        key=f"json-{conversation.id}",
    )
    st.button(
        "Delete",
        icon=":material/delete:",
        key=f"delete-{conversation.id}",
        on_click=_delete,
        args=(library, visitor, conversation.id, go),
    )


@report_storage_errors
def _delete(
    library: ConversationRepository, visitor: str, conversation_id: str, go: Callable[[str | None], None]
) -> None:
    library.delete(visitor, conversation_id)
    st.session_state.chat_deleted = conversation_id
    go(None)


@report_storage_errors
def _undo(
    library: ConversationRepository, visitor: str, conversation_id: str, go: Callable[[str | None], None]
) -> None:
    library.restore(visitor, conversation_id)
    st.session_state.chat_deleted = None
    go(conversation_id)


def _draw_import(library: ConversationRepository, visitor: str, go: Callable[[str | None], None]) -> None:
    draw_upload(
        "A conversation that Weir has exported as JSON",
        "json",
        key="chat_import",
        max_mb=MAX_IMPORT_MB,
        take=report_storage_errors(lambda content: go(library.import_json(visitor, content))),
    )

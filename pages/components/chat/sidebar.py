"""The user's conversations, in the sidebar of the chat page."""

import time

import streamlit as st

from pages.components.chat.chat_actions import ChatActions
from pages.components.chat.date_groups import date_group, zone
from pages.components.chat.scroll_and_keys import draw_key_list
from pages.components.layout.formatting import escape_markdown
from pages.components.layout.language_switch import draw_language_switch
from pages.components.layout.translation import _
from pages.components.layout.upload import draw_upload
from pages.components.session.current_user import has_persistent_identity
from weir.storage.records import TRASH_DAYS, Conversation, SearchHit

MAX_LISTED = 60
MAX_IMPORT_MB = 20


def draw_sidebar(actions: ChatActions) -> None:
    """Draw the list, with search, rename, delete with undo, export and import."""
    with st.sidebar:
        st.button(
            _("New chat"),
            icon=":material/edit_square:",
            key="chat_new",
            on_click=actions.open_conversation,
            args=(None,),
            width="stretch",
        )
        search = st.text_input(
            _("Search conversations"),
            key="chat_search",
            type="search",
            placeholder=_("Search"),
            label_visibility="collapsed",
        )
        # One element for the list, however long it is: what is below keeps its position, and is not drawn twice.
        with st.container():
            if deleted_id := actions.state.deleted_conversation_id:
                _draw_undo(deleted_id, actions)
            conversations = actions.repository.conversations(actions.user_id, search, limit=MAX_LISTED)
            if not conversations and search:
                st.caption(_("No matches."))
            elif not has_persistent_identity():
                st.caption(_("Cookies are blocked, so conversations last only until you close this tab."))
            elif not conversations:
                st.caption(_("Your conversations will appear here."))
            hits = actions.repository.search_hits(actions.user_id, conversations, search)
            now, visitor_zone, group = time.time(), zone(st.context.timezone), ""
            for conversation in conversations:
                if group != (group := date_group(conversation.updated_at, now, visitor_zone)):
                    st.caption(group)
                _draw_conversation(conversation, actions, hits.get(conversation.id))
        with st.container(horizontal=True):
            with st.popover(_("Import"), icon=":material/upload_file:", type="tertiary"):
                draw_upload(
                    _("A conversation that Weir has exported as JSON"),
                    "json",
                    key="chat_import",
                    max_mb=MAX_IMPORT_MB,
                    take=actions.import_file,
                )
            _draw_bin(actions)
            draw_key_list()
            with st.popover(_("Language"), icon=":material/translate:", type="tertiary"):
                draw_language_switch(key="chat_language")


def _draw_bin(actions: ChatActions) -> None:
    with st.popover(_("Bin"), icon=":material/delete:", type="tertiary", key="chat_bin", on_change="rerun"):
        if not st.session_state.get("chat_bin"):
            return
        st.caption(_("Deleted conversations are kept for {days} days.").format(days=TRASH_DAYS))
        for conversation in actions.repository.deleted_conversations(actions.user_id, limit=MAX_LISTED):
            st.markdown(escape_markdown(conversation.title or _("New chat")))
            with st.container(horizontal=True):
                st.button(
                    _("Restore"),
                    icon=":material/restore_from_trash:",
                    type="tertiary",
                    key=f"restore-{conversation.id}",
                    on_click=actions.undo_delete,
                    args=(conversation.id,),
                )
                st.button(
                    _("Delete for good"),
                    icon=":material/delete_forever:",
                    type="tertiary",
                    key=f"purge-{conversation.id}",
                    on_click=actions.delete_for_good,
                    args=(conversation.id,),
                )


def _draw_undo(deleted_id: str, actions: ChatActions) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(_("Deleted."), width="content")
        st.button(
            _("Undo"),
            icon=":material/undo:",
            type="tertiary",
            key="chat_undo",
            on_click=actions.undo_delete,
            args=(deleted_id,),
        )


def _draw_conversation(conversation: Conversation, actions: ChatActions, hit: SearchHit | None) -> None:
    is_open = conversation.id == actions.state.conversation_id
    name, menu = st.columns([5, 1], vertical_alignment="center", gap="xxsmall") if is_open else (st.container(), None)
    name.button(
        escape_markdown(conversation.title or _("New chat")),
        key=f"open-{conversation.id}",
        type="secondary" if is_open else "tertiary",
        on_click=actions.open_conversation,
        args=(conversation.id, hit.message_id if hit else None),
        width="stretch",
    )
    if hit:
        st.caption(escape_markdown(hit.snippet))
    if menu is not None:
        with menu.popover("", icon=":material/more_horiz:", type="tertiary", help=_("Rename, export, delete")):
            _draw_menu(conversation, actions)


def _draw_menu(conversation: Conversation, actions: ChatActions) -> None:
    repository, user_id = actions.repository, actions.user_id
    key = f"title-{conversation.id}"
    st.text_input(
        _("Title"),
        value=conversation.title,
        key=key,
        max_chars=200,
        on_change=actions.rename,
        args=(conversation.id, key),
    )
    st.download_button(
        "Markdown",
        lambda: repository.files.export_markdown(user_id, conversation.id),
        file_name="conversation.md",
        mime="text/markdown",
        icon=":material/download:",
        on_click="ignore",
        key=f"md-{conversation.id}",
    )
    st.download_button(
        _("JSON, with all branches"),
        lambda: repository.files.export_json(user_id, conversation.id),
        file_name="conversation.json",
        mime="application/json",
        icon=":material/download:",
        on_click="ignore",
        key=f"json-{conversation.id}",
    )
    st.button(
        _("Delete"),
        icon=":material/delete:",
        key=f"delete-{conversation.id}",
        on_click=actions.delete,
        args=(conversation.id,),
    )

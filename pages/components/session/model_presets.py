"""Presets on the pages: a person's named sets of options are applied, saved, and deleted with undo."""

from collections.abc import Callable

import streamlit as st

from pages.components.chat.conversation_options import ConversationOptions, read_options
from pages.components.layout.translation import _
from pages.components.layout.weir_sentences import translated
from pages.components.session.app_services import service
from pages.components.session.current_user import current_user_id
from pages.components.session.report_storage_errors import report_storage_errors
from weir.storage.presets import MAX_NAME, PresetError, PresetRepository
from weir.storage.storage_errors import StorageError

_DELETED, _PROBLEM = "preset_deleted", "preset_problem"


def draw_presets(
    current: Callable[[], ConversationOptions], apply: Callable[[ConversationOptions], None], *, key: str
) -> None:
    """Draw the presets: a choice, which `apply` gets, and a name under which the `current` options are saved."""
    repository, user = PresetRepository(service().conversations.engine), current_user_id()
    try:
        presets = {preset.name: preset for preset in repository.presets(user)}
    except StorageError:
        st.caption(_("Your presets cannot be read now."))
        return
    choice, name = f"preset-{key}", f"preset-name-{key}"
    if st.session_state.get(choice) not in presets:
        st.session_state.pop(choice, None)

    @report_storage_errors
    def choose() -> None:
        if (preset := presets.get(st.session_state[choice])) is not None:
            apply(read_options(preset.options))

    @report_storage_errors
    def save() -> None:
        try:
            options = current().model_dump(mode="json", exclude={"asked_model"})
            st.session_state[choice] = repository.save(user, st.session_state[name], options).name
        except PresetError as error:
            st.session_state[_PROBLEM] = translated(str(error))
        else:
            st.session_state[name] = ""

    @report_storage_errors
    def delete() -> None:
        preset = presets[st.session_state.pop(choice)]
        repository.delete(user, preset.id)
        st.session_state[_DELETED] = preset.id

    @report_storage_errors
    def undo() -> None:
        repository.restore(user, st.session_state.pop(_DELETED))

    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        st.selectbox(
            _("Preset"),
            list(presets),
            index=None,
            placeholder=_("Choose a preset") if presets else _("None saved yet"),
            key=choice,
            on_change=choose,
            disabled=not presets,
        )
        is_chosen = st.session_state.get(choice) is not None
        st.button(
            _("Delete"),
            icon=":material/delete:",
            key=f"preset-delete-{key}",
            type="tertiary",
            on_click=delete,
            disabled=not is_chosen,
        )
    if st.session_state.get(_DELETED):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.caption(_("Preset deleted."), width="content")
            st.button(_("Undo"), icon=":material/undo:", key=f"preset-undo-{key}", type="tertiary", on_click=undo)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        st.text_input(
            _("Save these options as"), key=name, max_chars=MAX_NAME, placeholder=_("For example: short and dry")
        )
        st.button(_("Save"), icon=":material/save:", key=f"preset-save-{key}", type="tertiary", on_click=save)
    if problem := st.session_state.pop(_PROBLEM, ""):
        st.caption(f":material/error: {problem}")

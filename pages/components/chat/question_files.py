"""Files of questions on the chat page: sending them, showing them, and what a model gets of them."""

import base64
from collections.abc import Sequence
from functools import partial
from typing import Any

import streamlit as st

from chains.conversation import check_attachments
from pages.components.chat.chat_state import ChatState
from pages.components.layout.formatting import bytes_of, escape_markdown
from pages.components.layout.translation import _
from pages.components.layout.weir_sentences import translated
from pages.components.session import run_start
from pages.components.session.app_services import service
from weir.access.caller import Caller
from weir.llm import attachments as model_attachments
from weir.llm.attachment_files import MAX_IMAGE_BYTES, AttachmentError, AttachmentFile
from weir.llm.attachments import TEXT_TYPE
from weir.llm.chain_registry import UnsuitableModelError
from weir.llm.provider import ModelProvider
from weir.runs.run import Run
from weir.storage.records import Attachment, Message, NewAttachment
from weir.storage.repository import ConversationRepository
from weir.storage.storage_errors import ConversationNotFoundError, StorageError
from weir.storage.stored_attachments import AttachmentsFullError

MAX_MB = MAX_IMAGE_BYTES // 1_000_000
"""Of a file, in the browser. Text files may have less."""
REFUSALS = (AttachmentError, AttachmentsFullError, UnsuitableModelError)
"""Why a question with files is not sent. The text is a sentence for people."""

_REFUSED = "question_refused"


def accepts_files() -> bool:
    """Whether questions can have files here."""
    return service().conversations.attachment_bytes > 0


def give_back(key: str, text: str, refusal: Exception) -> None:
    """Have the next run of the script put the typed text back into the input `key`, and say why it was not sent."""
    run_start.give_back(key, text)
    st.session_state[_REFUSED] = str(refusal)


def draw_refusal(state: ChatState) -> None:
    """Say why the last question was not sent, once. The page scrolls there."""
    if sentence := st.session_state.pop(_REFUSED, ""):
        state.refused_count += 1
        whole = f"{translated(sentence)} {_('The question was not sent.')}"
        st.warning(escape_markdown(whole), icon=":material/attach_file_off:")


def to_store(files: Sequence[AttachmentFile]) -> list[NewAttachment]:
    """Return the files of a question as they are stored."""
    return [NewAttachment(one.name, one.media_type, one.content, len(one.content), one.thumbnail) for one in files]


def check_files(models: ModelProvider, question: str, files: Sequence[AttachmentFile]) -> None:
    """Check that whichever model may answer takes these files. Raises UnsuitableModelError."""
    check_attachments(models, question, [one.attachment for one in files])


def of_question(
    message: Message, repository: ConversationRepository, user_id: str
) -> list[model_attachments.Attachment]:
    """Return the files of a stored question, which are read when a model is to get them."""

    def read(attachment_id: str) -> bytes | None:
        return repository.attachment_contents(user_id, [attachment_id]).get(attachment_id)

    return [
        model_attachments.Attachment(one.name, one.media_type, one.size, partial(read, one.id), one.id)
        for one in message.attachments
    ]


def of_run(run: Run) -> list[Attachment]:
    """Return the files of a run's question as far as they are known: with pictures while its conversation is kept.

    What a recording says is not to be trusted: the conversation must be that of the run's owner.
    """
    noted = [found for one in _list(run.context.get("attachments")) if (found := _noted(one)) is not None]
    conversation_id = run.context.get("conversation")
    if not noted or not isinstance(conversation_id, str):
        return noted
    repository = service().conversations
    try:
        user_id = repository.visitor_of(conversation_id)
        if Caller.from_identity(user_id).visitor != run.owner:
            return noted
        kept = {one.id: one for one in repository.attachments(user_id, [one.id for one in noted])}
    except (ConversationNotFoundError, StorageError):
        return noted
    return [kept.get(one.id, one) for one in noted]


def _list(value: Any) -> list[Any]:
    return value[:20] if isinstance(value, list) else []


def _noted(value: Any) -> Attachment | None:
    match value:
        case {"id": str(id_), "name": str(name), "media_type": str(media_type), "size": int(size)} if size >= 0:
            return Attachment(id_, name[:200], media_type, size, b"")
    return None


def draw_files(attachments: Sequence[Attachment], *, key: str) -> None:
    """Draw the files of a question: their names and sizes, and small pictures of images."""
    if not attachments:
        return
    with st.container(horizontal=True, gap="small", key=f"question-files-{key}"):
        for one in attachments:
            if one.thumbnail:
                # In the page itself: its policy loads no images, and nobody else has an address of it.
                picture = f"data:image/webp;base64,{base64.b64encode(one.thumbnail).decode()}"
                st.image(picture, caption=label_of(one), width="content", alt=one.name)
            else:
                icon = ":material/description:" if one.media_type == TEXT_TYPE else ":material/image:"
                # `st.badge` would escape what is escaped.
                st.markdown(f":gray-badge[{icon} {label_of(one)}]", width="content")


def label_of(attachment: Attachment) -> str:
    """Return the name and the size of a file, escaped for Markdown."""
    return f"{escape_markdown(attachment.name)} · {bytes_of(attachment.size)}"

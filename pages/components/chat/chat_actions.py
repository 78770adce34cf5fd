"""What a person can do on the chat page."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import streamlit as st

from pages.components.answer.answer_view import AnswerState, FinishedAnswer
from pages.components.chat import question_files
from pages.components.chat.chat_state import ChatState
from pages.components.chat.conversation_options import ConversationOptions, read_options
from pages.components.chat.turns import Turn
from pages.components.session import model_choice
from pages.components.session.current_user import current_caller
from pages.components.session.model_choice import models_of
from pages.components.session.report_storage_errors import report_storage_errors
from weir.llm.attachment_files import AttachmentFile, read_files
from weir.storage.records import Rating
from weir.storage.repository import ConversationRepository
from weir.storage.stored_attachments import AttachmentsFullError


@dataclass(frozen=True, slots=True)
class ChatActions:
    """Widget callbacks of the chat page. What they change is in the repository and in the page's state."""

    state: ChatState
    repository: ConversationRepository
    user_id: str

    @report_storage_errors
    def open_conversation(self, conversation_id: str | None, message_id: str | None = None) -> None:
        """Show a conversation, and of it the branch with that message if it is named; with None, an empty page."""
        self.state.open(conversation_id, message_id=message_id)
        self.state.is_address_stale = True
        if conversation_id and message_id:
            path = self.repository.path(self.user_id, conversation_id)
            if all(message.id != message_id for message in path):
                self.repository.choose_branch(self.user_id, message_id)

    def send(self, question: str, files: Sequence[tuple[str, bytes]], *, key: str) -> None:
        """Ask what was sent from the input `key`. If its files cannot be, say why, and leave the text in the input."""
        try:
            self.ask(question, read_files(files))
        except question_files.REFUSALS as refusal:
            question_files.give_back(key, question, refusal)
            st.rerun()

    @report_storage_errors
    def ask(self, question: str, files: Sequence[AttachmentFile] = ()) -> None:
        """Add a question at the end of the conversation, which is a new one if none is open.

        Raises one of `question_files.REFUSALS`, before anything is stored, if the files cannot be sent.
        """
        if files:
            question_files.check_files(models_of(self.options().asked_model), question, files)
            self.repository.check_room(self.user_id, question_files.to_store(files))
        if self.state.conversation_id is None:
            self.open_conversation(self.repository.create(self.user_id))
            new_options = self.state.new_options
            # The next conversation begins with the same model.
            self.state.new_options = ConversationOptions(asked_model=new_options.asked_model)
            if new_options != ConversationOptions():
                self.repository.set_options(self.user_id, self._conversation_id, new_options.model_dump())
        path = self.repository.path(self.user_id, self._conversation_id)
        self._add_question(question, parent=path[-1].id if path else None, files=files)

    def options(self) -> ConversationOptions:
        """Return the options of the open conversation, or of the next one if none is open."""
        if self.state.conversation_id is None:
            return self.state.new_options
        return read_options(self.repository.conversation(self.user_id, self.state.conversation_id).options)

    @report_storage_errors
    def change_options(self, read: Callable[[], ConversationOptions]) -> None:
        """Store the options that `read` returns for the open conversation, or keep them for the next one."""
        if self.state.conversation_id is None:
            self.state.new_options = read()
        else:
            self.repository.set_options(self.user_id, self.state.conversation_id, read().model_dump())

    @report_storage_errors
    def change_model(self, key: str) -> None:
        """Have the model that the widget `key` has answer from now on, in the open conversation and in new ones."""
        picked = {"asked_model": st.session_state[key]}
        model_choice.pick(st.session_state[key])
        chosen = self.options().model_copy(update=picked)
        self.change_options(lambda: chosen)
        self.state.new_options = self.state.new_options.model_copy(update=picked)
        self.state.is_address_stale = True

    @property
    def _conversation_id(self) -> str:
        assert self.state.conversation_id is not None
        return self.state.conversation_id

    def _add_question(
        self, question: str, *, parent: str | None, files: Sequence[AttachmentFile] = (), kept: Sequence[str] = ()
    ) -> None:
        question_id = self.repository.add_question(
            self.user_id,
            self._conversation_id,
            question,
            parent=parent,
            files=question_files.to_store(files),
            kept_files=kept,
        )
        self._note_sent(self.repository.answers.add(self.user_id, question_id))

    def _note_sent(self, answer_id: str) -> None:
        self.state.sent_answer_id = answer_id
        self.state.found_message_id = None
        self.state.is_address_stale = True

    def edit(self, turn: Turn) -> None:
        """Open the question for editing."""
        self.state.edited_question_id = turn.question.id

    def cancel_edit(self) -> None:
        """Close the question that is being edited."""
        self.state.edited_question_id = None

    @report_storage_errors
    def send_edited(self, turn: Turn, key: str, files_key: str) -> None:
        """Ask the edited question as another version: the text of the widget `key`, with the files of `files_key`."""
        text = st.session_state[key].strip()
        before = [one.id for one in turn.question.attachments]
        kept = list(st.session_state.get(files_key, before))
        self.cancel_edit()
        if (text or kept) and (text, kept) != (turn.question.text, before):
            self._add_question(text, parent=turn.question.parent_id, kept=kept)

    @report_storage_errors
    def retry(self, turn: Turn) -> None:
        """Ask for another version of the answer, and stop this one if it is live."""
        self._regenerate(turn)

    @report_storage_errors
    def retry_with(self, turn: Turn, model: str) -> None:
        """Ask another model for another version of the answer. The conversation keeps its model."""
        self.state.requested_models[self._regenerate(turn)] = model

    @report_storage_errors
    def answer_as(self, turn: Turn, wrong: str, route: str) -> None:
        """Answer by another route, and store that the first one was wrong."""
        if turn.answer is not None:
            self.repository.feedback.add_correction(self.user_id, turn.answer.id, wrong=wrong, right=route)
        self.state.requested_routes[self._regenerate(turn)] = route

    @report_storage_errors
    def go_on(self, turn: Turn, ended: FinishedAnswer) -> None:
        """Ask for the rest of an answer, as another version that begins with it."""
        answer_id = self._regenerate(turn)
        self.state.continued_texts[answer_id] = ended.text
        if ended.decision:
            self.state.requested_routes[answer_id] = ended.decision.route

    @report_storage_errors
    def compare_with(self, turn: Turn, route: str) -> None:
        """Answer by another route, and show the two answers side by side."""
        if turn.answer is not None:
            answer_id = self._regenerate(turn)
            self.state.requested_routes[answer_id] = route
            self.state.compared_answers[answer_id] = turn.answer

    def _regenerate(self, turn: Turn) -> str:
        if (run := turn.run()) is not None:
            run.stop()
        answer_id = self.repository.answers.add(self.user_id, turn.question.id)
        self._note_sent(answer_id)
        return answer_id

    @report_storage_errors
    def show_version(self, message_id: str) -> None:
        """Show the branch that a message is on."""
        self.repository.choose_branch(self.user_id, message_id)

    def stop_and_go_on(self, run_id: str) -> None:
        """Stop the run that other answers wait for: the next one begins then."""
        if (run := AnswerState(run_id).run()) is not None and run.can_stop(current_caller().visitor):
            run.stop()

    def show_actions(self, turn: Turn) -> None:
        """Show all that can be done with an older turn."""
        self.state.expanded_question_id = turn.question.id

    @report_storage_errors
    def rate(self, message_id: str, key: str) -> None:
        """Store the rating that the widget `key` has, or that there is none."""
        thumb = st.session_state[key]
        if thumb is None:
            self.repository.feedback.clear(self.user_id, message_id)
        else:
            self.repository.feedback.set(self.user_id, message_id, Rating.UP if thumb else Rating.DOWN)

    @report_storage_errors
    def add_note(self, message_id: str, rating: Rating, key: str) -> None:
        """Store the note that the widget `key` has, with the rating."""
        self.repository.feedback.set(self.user_id, message_id, rating, st.session_state[key])

    @report_storage_errors
    def rename(self, conversation_id: str, key: str) -> None:
        """Give a conversation the title that the widget `key` has."""
        self.repository.rename(self.user_id, conversation_id, st.session_state[key])

    @report_storage_errors
    def delete(self, conversation_id: str) -> None:
        """Delete a conversation, until *Undo*."""
        self.repository.delete(self.user_id, conversation_id)
        self.state.deleted_conversation_id = conversation_id
        self.open_conversation(None)

    @report_storage_errors
    def undo_delete(self, conversation_id: str) -> None:
        """Restore a deleted conversation, and show it."""
        self.repository.restore(self.user_id, conversation_id)
        self.state.deleted_conversation_id = None
        self.open_conversation(conversation_id)

    @report_storage_errors
    def delete_for_good(self, conversation_id: str) -> None:
        """Remove a conversation from the bin. It cannot be restored then."""
        self.repository.delete_for_good(self.user_id, conversation_id)
        if self.state.deleted_conversation_id == conversation_id:
            self.state.deleted_conversation_id = None

    @report_storage_errors
    def import_file(self, content: bytes) -> None:
        """Import an exported conversation, and show it. Raises ValueError with a sentence if it cannot be imported."""
        try:
            self.open_conversation(self.repository.files.import_json(self.user_id, content))
        except AttachmentsFullError as full:
            raise ValueError(full.message) from full

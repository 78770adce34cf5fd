"""`weir chat`: the chat of the app in the terminal, in the same conversations."""

from collections.abc import Callable, Sequence
from pathlib import Path

import click

from weir.analysis.metrics import root_chunk_text
from weir.cli.ask_command import RouteLine, route_names, route_option
from weir.cli.chat_session import ChatSession, open_conversations
from weir.cli.line_reader import LineReader
from weir.cli.main import CANNOT_START, OK, RUN_FAILED
from weir.cli.markdown_stream import MarkdownStream
from weir.cli.options import model_option, plain_option
from weir.cli.runner import EndedRun, Runner, read_settings
from weir.cli.terminal import Terminal
from weir.core.run_event import RunEvent
from weir.runs.run import Status
from weir.storage.records import Role
from weir.storage.storage_errors import ConversationNotFoundError, StorageError

HELP = """/new            begin another conversation
/route NAME     answer by this route from now on, as math; /route auto classifies again
/model NAME     have another model answer; /model lists them
/retry          answer the last question once more
/save FILE      write the conversation: Markdown, or .json for the app
/open NUMBER    open a conversation, also by its id; /open lists them
/quit           end the chat, as does Ctrl-D"""
QUIT = ("/quit", "quit", "exit")
SHOWN_MESSAGES = 4
"""Messages of an opened conversation that are shown: the last ones."""


@click.command("chat")
@click.option("--open", "opened", metavar="ID", help="Go on with a conversation, also one of the browser.")
@route_option
@click.option("--port", type=int, default=8501, show_default=True, help="Port of the app, for the link to it.")
@model_option
@plain_option
def command(opened: str | None, route: str | None, port: int, model: str | None, plain: bool) -> int:
    """Chat: each question is classified, and the chain for its kind streams the answer, which knows the earlier ones.

    Conversations are stored with the app's: the link that is shown opens one in the browser, where it goes on. Lines
    from a pipe are answered one by one. /help lists what can be done beside asking. Ctrl-C stops an answer.

    \b
    weir chat
    weir chat --route code
    printf 'What is 25 * 17?\\nAnd half of it?\\n' | weir chat
    """
    terminal = Terminal(plain=plain)
    repository = open_conversations(terminal.say)
    lines = LineReader(read_settings().data_folder, "You: ")
    with Runner(terminal, model=model) as runner:
        session = ChatSession(runner, repository)
        session.route = route
        chat = _Chat(session, runner, terminal, port, is_interactive=lines.is_interactive)
        try:
            if opened and not session.open(opened):
                raise click.ClickException(f"There is no conversation {opened} here.")
            return chat.answer_all(lines)
        finally:
            lines.close()
            session.close()


class _Chat:
    def __init__(
        self, session: ChatSession, runner: Runner, terminal: Terminal, port: int, *, is_interactive: bool
    ) -> None:
        self._session = session
        self._runner = runner
        self._terminal = terminal
        self._port = port
        self._is_interactive = is_interactive
        self._code = OK
        self._linked: str | None = None
        """The conversation whose link was shown last."""

    def answer_all(self, lines: LineReader) -> int:
        """Answer line by line, and return the exit code: from a pipe, that of the first answer that is not whole."""
        if self._is_interactive:
            self._terminal.say("Ask anything. /help lists the commands, Ctrl-D ends the chat.")
            self._show_conversation()
        for line in lines:
            if line.lower() in QUIT:
                break
            if line and not self._take(line):
                break
        return OK if self._is_interactive else self._code

    def _take(self, line: str) -> bool:
        """Answer a line or do what it says. Return whether there may be further ones."""
        try:
            if not line.startswith("/"):
                return self._note(self._stream(lambda show, start: self._session.ask(line, show, start)))
            name, _, argument = line.partition(" ")
            return self._do(name.lower(), argument.strip())
        except StorageError as error:
            self._terminal.say(f"{error.problem.message} {error.problem.hint}")
            self._code = self._code or RUN_FAILED
        except ConversationNotFoundError:
            self._terminal.say("This conversation has been deleted. The next question begins another.")
            self._session.start_new()
            self._code = self._code or RUN_FAILED
        except click.ClickException as error:
            self._terminal.say(error.format_message())
            self._code = self._code or CANNOT_START
        return True

    def _do(self, name: str, argument: str) -> bool:
        match name:
            case "/new":
                self._session.start_new()
                self._terminal.say("The next question begins another conversation.")
            case "/route":
                self._set_route(argument)
            case "/model":
                self._set_model(argument)
            case "/retry":
                return self._note(self._stream(self._session.retry))
            case "/save":
                self._save(argument)
            case "/open":
                self._open(argument)
            case "/help":
                self._terminal.say(HELP)
            case _:
                self._terminal.say(f"There is no command {name}.\n{HELP}")
        return True

    def _stream(self, answer: "Callable[..., EndedRun | None]") -> EndedRun | None:
        route_line = RouteLine(self._terminal)
        with MarkdownStream(self._terminal) as markdown:

            def show(events: Sequence[RunEvent]) -> None:
                route_line.read(events)
                markdown.write("".join(map(root_chunk_text, events)))

            ended = answer(show, self._show_link)
        if ended is None:
            self._terminal.say("There is no question yet.")
            return None
        self._runner.report(ended)
        if problem := self._session.problem:
            self._terminal.say(f"The answer is not stored. {problem.problem.message} {problem.problem.hint}")
        return ended

    def _note(self, ended: EndedRun | None) -> bool:
        if ended is None:
            return True
        self._code = self._code or ended.exit_code
        # Ctrl-C means one answer to a person who types, and all of them to a pipe.
        return self._is_interactive or ended.run.status is not Status.STOPPED

    def _show_link(self) -> None:
        conversation = self._session.conversation_id
        if self._is_interactive and conversation != self._linked:
            self._linked = conversation
            self._terminal.say(f"In the browser: http://localhost:{self._port}/?conversation={conversation}")

    def _show_conversation(self) -> None:
        for message in self._session.path()[-SHOWN_MESSAGES:]:
            self._terminal.say(f"{'You' if message.role is Role.HUMAN else 'Weir'}: {message.text}")

    def _set_route(self, name: str) -> None:
        routes = route_names()
        if name not in (*routes, "auto"):
            self._terminal.say(f"Name one of {', '.join(routes)}, or auto.")
            return
        self._session.route = None if name == "auto" else name
        self._terminal.say("Questions are classified." if name == "auto" else f"Questions take the route {name}.")

    def _set_model(self, name: str) -> None:
        if name:
            try:
                self._runner.use_model(name)
            except click.ClickException as error:
                self._terminal.say(error.message)
                return
            self._terminal.say(f"The model is {self._runner.model_name or 'the embedded one'}.")
            return
        self._terminal.say(
            "\n".join(self._runner.list_models()) or "The embedded model is loaded at the first question."
        )

    def _save(self, name: str) -> None:
        if not name or self._session.conversation_id is None:
            self._terminal.say("There is no conversation yet." if name else "Name a file: /save answer.md")
            return
        try:
            self._session.save(Path(name).expanduser())
        except OSError as error:
            self._terminal.say(f"{name} cannot be written: {error.strerror}.")
            return
        self._terminal.say(f"Written to {name}.")

    def _open(self, name: str) -> None:
        if name:
            if self._session.open(name):
                self._show_conversation()
            else:
                self._terminal.say(f"There is no conversation {name} here.")
            return
        listed = [
            f"{number}. {entry.title}  {entry.id}" for number, entry in enumerate(self._session.conversations(), 1)
        ]
        self._terminal.say("\n".join(listed) or "There is no conversation yet.")

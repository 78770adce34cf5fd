"""Trimming a conversation's history to the model's context window."""

from collections.abc import Mapping, Sequence

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, trim_messages
from langchain_core.messages.utils import count_tokens_approximately

Pair = tuple[str, str]


def trim_history(history: Sequence[Pair], tokens: int, more: Mapping[int, int] | None = None) -> list[Pair]:
    """Return the newest messages that fit into so many tokens, starting with a question. Tokens are estimated.

    `more` has further tokens of messages, by their places: those of their files.
    """
    messages: list[BaseMessage] = [
        HumanMessage(text, id=str(place)) if role == "human" else AIMessage(text, id=str(place))
        for place, (role, text) in enumerate(history)
    ]
    extra = {str(place): count for place, count in (more or {}).items()}

    def count(counted: Sequence[BaseMessage]) -> int:
        return count_tokens_approximately(counted) + sum(extra.get(message.id or "", 0) for message in counted)

    trimmed = trim_messages(messages, max_tokens=tokens, token_counter=count, strategy="last", start_on="human")
    return list(history[len(history) - len(trimmed) :])


def text_tokens(text: str) -> int:
    """Return about how many tokens a message of this text has."""
    return count_tokens_approximately([HumanMessage(text)])

"""Trimming a conversation's history to the model's context window."""

from collections.abc import Sequence

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, trim_messages

Pair = tuple[str, str]


def trim_history(history: Sequence[Pair], tokens: int) -> list[Pair]:
    """Return the newest messages that fit into so many tokens, starting with a question. Tokens are estimated."""
    messages: list[BaseMessage] = [HumanMessage(text) if role == "human" else AIMessage(text) for role, text in history]
    trimmed = trim_messages(messages, max_tokens=tokens, token_counter="approximate", strategy="last", start_on="human")
    return list(history[len(history) - len(trimmed) :])

"""What of a long history the model is told: as much as its window holds."""

from collections.abc import Sequence

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, trim_messages

Pair = tuple[str, str]


def trim_history(history: Sequence[Pair], tokens: int) -> list[Pair]:
    """Return the newest messages that take at most so many tokens, from a question on. Tokens are estimated."""
    messages: list[BaseMessage] = [HumanMessage(text) if role == "human" else AIMessage(text) for role, text in history]
    kept = trim_messages(messages, max_tokens=tokens, token_counter="approximate", strategy="last", start_on="human")
    return list(history[len(history) - len(kept) :])

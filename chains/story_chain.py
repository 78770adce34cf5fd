"""The story chain: a topic becomes a story."""

from enum import StrEnum
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import Runnable

from weir.llm.overrides.direct_sequence import DirectRunnableSequence
from weir.llm.overrides.direct_str_parser import DirectStrOutputParser


class Length(StrEnum):
    """How long a story should be, with the words to write and the tokens to expect."""

    SHORT = "short"
    MEDIUM = "medium"
    LONG = "long"
    NOVELLA = "novella"

    @property
    def words(self) -> int:
        """Words in the prompt."""
        return {Length.SHORT: 120, Length.MEDIUM: 300, Length.LONG: 800, Length.NOVELLA: 15_000}[self]

    @property
    def expected_tokens(self) -> int:
        """Tokens of a story of that length: English prose takes about four for three words."""
        return self.words * 4 // 3

    @property
    def max_tokens(self) -> int | None:
        """The limit of an answer: twice the expected length leaves room for languages that take more tokens.

        None for a novella: a model may refuse a limit that is higher than what it can write.
        """
        return None if self is Length.NOVELLA else self.expected_tokens * 2


class Tone(StrEnum):
    """How a story should sound."""

    WARM = "warm"
    FUNNY = "funny"
    MYSTERIOUS = "mysterious"
    SERIOUS = "serious"


_SYSTEM = (
    "You are a storyteller. Tell the story in about {words} words, in a {tone} tone, with a beginning, a turn and an "
    "end, in paragraphs. Write in the language of the topic. Write only the story."
)
_WITH_SYSTEM_PROMPT = ChatPromptTemplate.from_messages([("system", _SYSTEM + "\n\n{system_prompt}")])
PROMPT = ChatPromptTemplate.from_messages(
    [
        ("system", _SYSTEM),
        ("human", "Write a story about {topic}"),
    ]
)


def story_chain(model: BaseChatModel, *, has_system_prompt: bool = False) -> Runnable[dict[str, Any], str]:
    """Return the chain `{"topic", "words", "tone"} -> str`, which streams.

    With `has_system_prompt` the input has a person's own `system_prompt` too, which follows that of the chain.
    """
    prompt = _WITH_SYSTEM_PROMPT + PROMPT.messages[1] if has_system_prompt else PROMPT
    return DirectRunnableSequence(prompt, model, DirectStrOutputParser(), name="story")


_GO_ON = ChatPromptTemplate.from_messages(
    [
        PROMPT.messages[1],
        ("ai", "{so_far}"),
        (
            "human",
            "You were interrupted. Go on with the story exactly where it breaks off, in the middle of a sentence or a "
            "word if need be, and bring it to its end. Repeat nothing, and write only what comes next.",
        ),
    ]
)


def continuation_chain(model: BaseChatModel, *, has_system_prompt: bool = False) -> Runnable[dict[str, Any], str]:
    """Return the chain `{"topic", "words", "tone", "so_far"} -> str`, which streams what comes after `so_far`.

    `has_system_prompt` is that of `story_chain`.
    """
    system = _WITH_SYSTEM_PROMPT if has_system_prompt else ChatPromptTemplate.from_messages(PROMPT.messages[:1])
    return DirectRunnableSequence(system + _GO_ON, model, DirectStrOutputParser(), name="story")

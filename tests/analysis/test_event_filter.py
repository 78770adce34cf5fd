import random
from typing import Any

import pytest
from langchain_core.callbacks import adispatch_custom_event
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnableConfig, RunnableLambda, RunnableParallel
from langchain_core.tools import tool

from weir.analysis.event_filter import EventFilter
from weir.runs.recorder import Recorder

NAMES = [
    "ChatPromptTemplate",
    "GenericFakeChatModel",
    "StrOutputParser",
    "RunnableSequence",
    "shout",
    "noticed",
    "announce",
]
TYPES = ["chain", "chat_model", "prompt", "parser", "tool", "noticed", "custom_event"]
TAGS = ["seq:step:1", "seq:step:2", "map:key:upper", "mine", "absent"]
KINDS = ("names", "types", "tags")


@tool
def shout(text: str) -> str:
    """Return the text in capitals."""
    return text.upper()


async def announce(text: str, config: RunnableConfig) -> str:
    await adispatch_custom_event("noticed", {"length": len(text)}, config=config)
    return text


def chain() -> Any:
    model = GenericFakeChatModel(messages=iter([AIMessage("rain on water")])).with_config(tags=["mine"])
    story = ChatPromptTemplate.from_template("About {topic}") | model | StrOutputParser()
    return story | RunnableLambda(announce) | RunnableParallel(upper=shout, same=RunnableLambda(str))


def random_filter(seed: int) -> dict[str, list[str]]:
    chance = random.Random(seed)
    pools = {"names": NAMES, "types": TYPES, "tags": TAGS}
    return {
        f"{side}_{kind}": chance.sample(pools[kind], chance.randint(1, 3))
        for side in ("include", "exclude")
        for kind in KINDS
        if chance.random() < 0.35
    }


@pytest.mark.parametrize("seed", range(200))
async def test_the_filter_passes_what_langchains_own_filter_passes(recorder: Recorder, seed: int) -> None:
    lists = random_filter(seed)
    run = recorder.start(chain(), {"topic": "water"})
    event_filter = EventFilter(**{name: frozenset(values) for name, values in lists.items()})
    ours = [(event.event, event.name) for batch in run.follow() for event in batch if event_filter.passes(event)]
    langchains = [
        (event["event"], event["name"])
        async for event in chain().astream_events({"topic": "water"}, version="v2", **lists)
    ]
    assert sorted(ours) == sorted(langchains)

"""A chain of an application: a story about a topic, from any chat model."""

from langchain_core.language_models import BaseChatModel
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import Runnable

PROMPT = ChatPromptTemplate.from_template("Write a story about {topic} in two sentences.")


def tale_chain(model: BaseChatModel) -> Runnable[dict[str, str], str]:
    """Return the chain on a model."""
    return (PROMPT | model | StrOutputParser()).with_config(run_name="tale")

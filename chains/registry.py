"""The chains that Weir offers by name, each with the form of its input."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from chains import showcase, structured
from chains.conversation import prepare_classification, prepare_conversation
from chains.story_chain import Length, Tone, continuation_chain, story_chain
from chains.structured import StructuredMethod
from weir.config.capabilities import Capability
from weir.config.settings import settings
from weir.llm.chain_registry import ChainRegistry, ChainSpec, ModelNotReadyError, PreparedRun, UnsuitableModelError
from weir.llm.provider import AbortableConnections, AnswerKind, ModelOptions, ModelProvider, TransportTiming
from weir.llm.replay_model import ReplayAbort, ReplayChatModel
from weir.runs.methods import Method

MAX_TEXT = 20_000
"""Characters of one input text."""

MAX_MESSAGES = 200
"""Messages of a history."""

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_TEXT)]


class _Input(BaseModel):
    model_config = ConfigDict(extra="forbid")


class StoryInput(_Input):
    """What the story chain is given."""

    topic: Text = Field(description="What the story is about", examples=["a robot learning to cook"])
    length: Length = Field(Length.MEDIUM, description="How long it should be")
    tone: Tone = Field(Tone.WARM, description="How it should sound")


class TopicInput(_Input):
    """What the structured chain and the showcase are given."""

    topic: Text = Field(description="What it is about", examples=["the sea"])


class PostcardInput(_Input):
    """What the graph is given."""

    topic: Text = Field("the sea", description="What the postcard is about", examples=["the sea"])


class QuestionInput(_Input):
    """What the agent is given."""

    question: Text = Field(description="A question for tools", examples=["What is 25 * 17, and half of it?"])


class StructuredInput(TopicInput):
    """What the structured chain is given."""

    example: Literal["Profile", "Recipe", "Review", "Note"] = Field(
        "Profile", description="Which schema the answer has"
    )
    method: StructuredMethod = Field(StructuredMethod.DICT, description="How LangChain is asked for it")


class ConversationInput(_Input):
    """What the classifier is given."""

    question: Text = Field(description="A question", examples=["What is 25 * 17?"])
    history: list[tuple[Literal["human", "ai"], Text]] = Field(
        default_factory=list, max_length=MAX_MESSAGES, description="Earlier messages, oldest first, as [role, text]"
    )


class RouterInput(ConversationInput):
    """What the smart router is given."""

    system_prompt: str = Field("", max_length=MAX_TEXT, description="Added to the prompt of the route")


def prepare_story(
    models: ModelProvider,
    topic: str,
    length: Length,
    tone: Tone,
    *,
    options: ModelOptions | None = None,
    connections: AbortableConnections | None = None,
    timing: TransportTiming | None = None,
    so_far: str = "",
    system_prompt: str = "",
) -> PreparedRun:
    """Return the story chain for a topic, or the chain that goes on after `so_far`. Raises ModelNotReadyError.

    A method that blocks needs `connections`, by which it can be stopped. `timing` records when the transport connects.
    `system_prompt` is a person's own, after that of the chain.
    """
    bounds = [bound for bound in (length.max_tokens, options.max_tokens if options else None) if bound is not None]
    bounded = replace(options or ModelOptions(), max_tokens=min(bounds, default=None), kind=AnswerKind.STORY)
    if options or connections or timing:
        model = models.create_model(bounded, connections, timing)
    else:
        model = models.chat_model(max_tokens=length.max_tokens, kind=AnswerKind.STORY)
    if model is None:
        raise ModelNotReadyError
    value = {"topic": topic, "words": length.words, "tone": str(tone)}
    expected = min(length.expected_tokens, model.max_tokens or length.expected_tokens)
    context = {"page": "story", "expected_tokens": expected, "max_tokens": model.max_tokens}
    own = bool(system_prompt)
    value |= {"system_prompt": system_prompt} if own else {}
    if so_far:
        chain = continuation_chain(model, has_system_prompt=own)
        return PreparedRun(chain, value | {"so_far": so_far}, context, connections, timing)
    return PreparedRun(story_chain(model, has_system_prompt=own), value, context, connections, timing)


def prepare_story_by_method(
    models: ModelProvider,
    method: Method,
    topic: str,
    length: Length,
    tone: Tone,
    *,
    options: ModelOptions | None = None,
    so_far: str = "",
    system_prompt: str = "",
) -> PreparedRun:
    """Return `prepare_story` with what the method needs: a model that streams, or connections that can be aborted."""
    chosen = options or ModelOptions()
    timing = TransportTiming()
    return prepare_story(
        models,
        topic,
        length,
        tone,
        options=replace(chosen, streaming=True) if method.needs_streaming_model else chosen,
        connections=None if method.is_async else AbortableConnections(timing),
        timing=timing,
        so_far=so_far,
        system_prompt=system_prompt,
    )


def prepare_replay(
    pieces: Sequence[tuple[float, str]],
    value: dict[str, Any],
    *,
    usage: tuple[int | None, int | None] = (None, None),
    streaming: bool = False,
) -> PreparedRun:
    """Return the story chain on recorded pieces, `(seconds since the call, text)`, for the input that they answered."""
    line = ReplayAbort()
    model = ReplayChatModel.from_texts(pieces, input_tokens=usage[0], output_tokens=usage[1], connections=line)
    if streaming:
        model.streaming = True
    return PreparedRun(story_chain(model), value, {"page": "story", "expected_tokens": len(pieces)}, line)


def prepare_structured(
    models: ModelProvider, topic: str, schema: dict[str, Any] | type[BaseModel], method: StructuredMethod
) -> PreparedRun:
    """Return the structured chain for a topic, and keep its JSON Schema with the run. Raises ModelNotReadyError."""
    model, endpoint = models.chat_model(max_tokens=structured.MAX_TOKENS, kind=AnswerKind.JSON), models.endpoint()
    if model is None or endpoint is None:
        raise ModelNotReadyError
    if isinstance(schema, dict) and endpoint.is_embedded:
        schema = structured.bounded(schema)
    form = schema if isinstance(schema, dict) else schema.model_json_schema()
    context = {"page": "partial_json", "schema": form, "method": str(method)}
    return PreparedRun(structured.structured_chain(model, schema, method), {"topic": topic}, context)


NO_TOOLS = (
    "The embedded model cannot call tools. Set `OPENAI_BASE_URL` to an endpoint that can, or open the recording "
    "“An agent with tools on a scripted server”."
)


def _lacks_tools(models: ModelProvider) -> str:
    if models.capabilities.tools is not False:
        return ""
    if models.model.entry.is_embedded:
        return NO_TOOLS
    return f"{models.name} cannot call tools. Pick another model for this chain."


def _prepare_agent(models: ModelProvider, fields: QuestionInput) -> PreparedRun:
    # Importing LangGraph takes a second, which no other chain needs.
    from chains.agent import agent

    if problem := _lacks_tools(models):
        raise UnsuitableModelError(problem)
    model = models.chat_model()
    if model is None:
        raise ModelNotReadyError
    return PreparedRun(agent(model), {"messages": [("user", fields.question)]})


def _prepare_graph(models: ModelProvider, fields: PostcardInput) -> PreparedRun:
    from chains import draft_graph

    model = models.chat_model(max_tokens=draft_graph.MAX_TOKENS)
    if model is None:
        raise ModelNotReadyError
    return PreparedRun(draft_graph.draft_graph(model), {"topic": fields.topic})


def _prepare_showcase(models: ModelProvider, fields: TopicInput) -> PreparedRun:
    model = models.chat_model(max_tokens=showcase.MAX_TOKENS)
    if model is None:
        raise ModelNotReadyError
    return PreparedRun(showcase.showcase_chain(model), {"topic": fields.topic})


REGISTRY = ChainRegistry(
    (
        ChainSpec(
            "story",
            "A topic becomes a story.",
            StoryInput,
            lambda models, fields: prepare_story(models, fields.topic, fields.length, fields.tone),
            chat=lambda chat: {"topic": chat.question},
        ),
        ChainSpec(
            "smart_router",
            "Classifies a question and streams the answer of the chain that is made for it.",
            RouterInput,
            lambda models, fields: prepare_conversation(
                models, fields.question, fields.history, system_prompt=fields.system_prompt
            ),
            chat=lambda chat: {"question": chat.question, "history": chat.history, "system_prompt": chat.system},
        ),
        ChainSpec(
            "classify",
            "Classifies a question: math, code or general, or a route of your own.",
            ConversationInput,
            lambda models, fields: prepare_classification(models, fields.question, fields.history),
        ),
        ChainSpec(
            "structured",
            "A topic becomes JSON of a given schema, field by field.",
            StructuredInput,
            lambda models, fields: prepare_structured(
                models, fields.topic, structured.EXAMPLES[fields.example], fields.method
            ),
        ),
        ChainSpec(
            "showcase",
            "Two branches side by side, a lambda, a tool and custom events.",
            TopicInput,
            _prepare_showcase,
            chat=lambda chat: {"topic": chat.question},
        ),
        ChainSpec(
            "graph",
            "A graph with a branch, a loop and an interrupt: a postcard that a person accepts or has changed.",
            PostcardInput,
            _prepare_graph,
        ),
        ChainSpec(
            "agent",
            "An agent with a calculator, a calendar and a letter counter. It needs a model that calls tools.",
            QuestionInput,
            _prepare_agent,
            chat=lambda chat: {"question": chat.question},
            needs=Capability.TOOLS,
            unsuitable=_lacks_tools,
        ),
    ),
    lambda: settings().extra_chains,
)
"""The chains of this app, with those of `WEIR_CHAINS`."""

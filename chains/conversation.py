"""Conversations: the smart router and the classifier for a question, with the models that the settings name."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from langchain_core.runnables import Runnable

from chains.classifier.local_classifier import LocalClassifier, LocalDecision
from chains.classifier.trained_router_file import RouterFileError, read_router
from chains.route_classification import classifier, fixed_route, local_classifier
from chains.routes import DEFAULT_ROUTES, Route, RouteCatalogue, routes_of
from chains.smart_router import smart_router
from weir.config.router_catalogue import RouterCatalogue
from weir.config.settings import SettingsError, settings
from weir.llm.attachments import Attachment, attachment_tokens, content_blocks
from weir.llm.chain_registry import ModelNotReadyError, PreparedRun, UnsuitableModelError
from weir.llm.chat_model import warm_up_model
from weir.llm.history import text_tokens, trim_history
from weir.llm.provider import ModelOptions, ModelProvider

CONTINUE = (
    "You were interrupted. Continue your answer exactly where it breaks off, in the middle of a sentence or a word if "
    "need be. Repeat nothing, and write only what comes next."
)
"""The request for the rest of an answer."""

NO_IMAGES_EMBEDDED = "The embedded model takes no images. Choose another model, or send the question without the image."
NO_IMAGES = "{model} takes no images. Choose another model, or send the question without the image."
TOO_LONG = (
    "The question and its files have about {count} tokens, and the model gets at most {number}. Send a part of them, "
    "or choose a model that takes more."
)


def prepare_conversation(
    models: ModelProvider,
    question: str,
    history: Sequence[tuple[str, str]],
    *,
    route: str | None = None,
    so_far: str = "",
    options: ModelOptions | None = None,
    system_prompt: str = "",
    attachments: Mapping[int, Sequence[Attachment]] | None = None,
) -> PreparedRun:
    """Return the smart router for a question and as much of its history as the model's window holds.

    `route` is a person's choice, in the classifier's place. With `so_far`, the beginning of the answer, the chain
    writes what comes next. `options` are those of the answering model, `system_prompt` is added to the route's.
    `attachments` are the files of the questions, by their places in the history; the question's own is its length.
    A model that somebody has picked answers on all routes, else that of the route. Raises ModelNotReadyError, and
    UnsuitableModelError where the model does not take the question's files.
    """
    routing = models.catalogue.routing
    routes = routes_of(routing)
    fixed = routes.get(route) if route else None
    asked = _asked_models(models, route)
    files = dict(attachments or {})
    own = files.get(len(history), ())
    _check_attachments(asked, question, own)
    chosen = options if options is not None and options != ModelOptions() else None
    made = {name: one.create_model(chosen) if chosen else one.chat_model() for name, one in asked.items()}
    ready = {name: model for name, model in made.items() if model is not None}
    if len(ready) < len(made):
        raise ModelNotReadyError
    decide = fixed_route(fixed.name) if fixed else _classify(models)
    context: dict[str, Any] = {"page": "chat"} | ({"attachments": [one.note for one in own]} if own else {})
    if so_far:
        context |= {"question": question, "so_far": so_far}
        history, question = [*history, ("human", question), ("ai", so_far)], CONTINUE
    # Before the route is known: what every model that may answer can hold.
    more = {place: attachment_tokens(some) for place, some in files.items()}
    trimmed = trim_history(history, _bound(asked) - more.get(len(history), 0), more)
    context["left_out"] = left_out = len(history) - len(trimmed)
    takes_images = all(one.takes_images for one in asked.values())
    blocks = {
        place - left_out: content_blocks(some, images=takes_images)
        for place, some in files.items()
        if place >= left_out
    }
    router = smart_router(
        next(iter(ready.values())),
        decide,
        system_prompt,
        routes=routes,
        models=ready,
        threshold=routing.threshold or 0.0,
        files=blocks,
    )
    return PreparedRun(router, {"question": question, "history": trimmed}, context)


def check_attachments(
    models: ModelProvider, question: str, attachments: Sequence[Attachment], *, route: str | None = None
) -> None:
    """Check that whichever model may answer takes the files of a question. Raises UnsuitableModelError, which says why.

    `route` is a person's choice.
    """
    _check_attachments(_asked_models(models, route), question, attachments)


def _check_attachments(asked: Mapping[str, ModelProvider], question: str, attachments: Sequence[Attachment]) -> None:
    if not attachments:
        return
    blind = next((one for one in asked.values() if not one.takes_images), None)
    if blind is not None and any(one.is_image for one in attachments):
        raise UnsuitableModelError(
            NO_IMAGES_EMBEDDED if blind.model.entry.is_embedded else NO_IMAGES.format(model=blind.name)
        )
    tokens, bound = text_tokens(question) + attachment_tokens(attachments), _bound(asked)
    if tokens > bound:
        raise UnsuitableModelError(TOO_LONG.format(count=f"{tokens:,}", number=f"{bound:,}"))


def _asked_models(models: ModelProvider, route: str | None) -> dict[str, ModelProvider]:
    """Return the providers of the models that may answer, by their routes."""
    routes = routes_of(models.catalogue.routing)
    fixed = routes.get(route) if route else None
    return route_models(models, [fixed] if fixed else routes)


def _bound(asked: Mapping[str, ModelProvider]) -> int:
    """Return how many tokens of a conversation all of these models take."""
    return min(one.history_tokens for one in asked.values())


def route_models(models: ModelProvider, routes: Iterable[Route]) -> dict[str, ModelProvider]:
    """Return the provider of the model that answers on each route, by its name."""
    return {
        route.name: models.select(route.model) if route.model and not models.is_picked else models for route in routes
    }


def prepare_classification(
    models: ModelProvider, question: str, history: Sequence[tuple[str, str]] = ()
) -> PreparedRun:
    """Return the classifier alone for a question. Raises ModelNotReadyError."""
    return PreparedRun(_classify(models), {"question": question, "history": list(history)})


def prepare_model_classification(
    models: ModelProvider, question: str, history: Sequence[tuple[str, str]]
) -> PreparedRun:
    """Return the model's own classifier for a question, whoever classifies otherwise. Raises ModelNotReadyError."""
    return PreparedRun(_model_classifier(models), {"question": question, "history": list(history)})


def model_category(output: Any, routes: RouteCatalogue = DEFAULT_ROUTES) -> str | None:
    """Return the category in the output of a model's `classify`; None if there is none."""
    answer = output.get("category") if isinstance(output, dict) else None
    return answer if isinstance(answer, str) and routes.get(answer) else None


def model_decision(category: str | None, routes: RouteCatalogue, reason: str, seconds: float) -> LocalDecision:
    """Return what a model chose in the local classifier's form; for None it takes the fallback, and has abstained.

    A model says no probability: its route has 1, others 0.
    """
    found = category or routes.fallback.name
    return LocalDecision(
        found, {name: float(name == found) for name in routes.names}, category is None, reason, seconds
    )


def configured_classifier(routing: RouterCatalogue) -> LocalClassifier:
    """Return the local classifier of a catalogue: its own file's, or the one that comes with Weir."""
    if routing.file is None:
        return LocalClassifier(threshold=routing.threshold, fallback=routing.fallback)
    return LocalClassifier(routing.file, routing.threshold, routing.fallback, read_router)


def check_router() -> None:
    """Check what the local classifier reads. Raises SettingsError with a sentence if it does not fit the routes."""
    routing = settings().catalogue.routing
    if routing.file is None:
        return
    try:
        known = configured_classifier(routing).categories
    except RouterFileError as error:
        raise SettingsError(str(error)) from None
    strange = [name for name in known if name not in routing.names]
    missing = [name for name in routing.names if name not in known and name != routing.fallback]
    if strange:
        raise SettingsError(f"{routing.file} has the category {strange[0]}, and weir.toml has no route of that name.")
    if missing:
        raise SettingsError(
            f"{routing.file} does not know the route {missing[0]}: add examples of it, and train it again."
        )


def prepare_warm_up() -> PreparedRun:
    """Load the local classifier, and return the smart router on a model that lives in this process."""
    configured_classifier(settings().catalogue.routing).warm_up()
    return PreparedRun(smart_router(warm_up_model()), {"question": "Ready?", "history": []})


def _classify(models: ModelProvider) -> Runnable[Any, Any]:
    if models.routes_locally:
        return local_classifier(configured_classifier(models.catalogue.routing))
    return _model_classifier(models)


def _model_classifier(models: ModelProvider) -> Runnable[Any, Any]:
    routing = models.catalogue.routing
    asked = models.select(routing.model) if routing.model else models
    model = asked.classifying_model()
    if model is None:
        raise ModelNotReadyError
    return classifier(model, reasoned=asked.supports_reasons, routes=routes_of(routing))

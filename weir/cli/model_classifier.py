"""Model classifier: asks a model where questions belong, as `weir classify --by model` does, one call a question."""

from collections.abc import Sequence
from typing import Any

import click

from weir.analysis.metrics import output_of
from weir.analysis.outcome import AnswerStatus
from weir.cli.app_modules import import_app_module
from weir.cli.runner import Runner

MOST_FAILURES = 3
"""Questions without an answer, one after the other, after which the rest is not asked."""


class ModelClassifier:
    """Decides as the local classifier does, but by a model. A model says no probability: its route has 1, others 0.

    A question without an answer takes the fallback.
    """

    def __init__(self, runner: Runner) -> None:
        self._runner = runner
        self._conversation = import_app_module("chains.conversation")
        self._routes = import_app_module("chains.routes").configured_routes()
        self._failures = 0

    def decide(self, question: str, history: Sequence[tuple[str, str]] = ()) -> Any:
        """Return a `LocalDecision`. Raises KeyboardInterrupt at Ctrl-C, ClickException where no model can answer."""
        models = self._runner.models
        prepared = self._runner.prepare(
            lambda: self._conversation.prepare_model_classification(models, question, history)
        )
        run = self._runner.start(prepared, name="classify")
        ended = self._runner.follow(run, lambda _: None)
        if ended.outcome.status is AnswerStatus.STOPPED:
            raise KeyboardInterrupt
        category = self._conversation.model_category(output_of(run.events, "classify"), self._routes)
        self._failures = self._failures + 1 if category is None else 0
        if self._failures >= MOST_FAILURES:
            raise click.ClickException(
                f"{MOST_FAILURES} questions one after the other got no answer, so the rest is not asked. "
                f"{ended.message or 'The model named none of the routes.'}"
            )
        reason = ended.message or ("The model chose it." if category else "The model named none of the routes.")
        seconds = run.events[-1].elapsed if run.events else 0.0
        return self._conversation.model_decision(category, self._routes, reason, seconds)

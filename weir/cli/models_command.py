"""`weir models`: the models that can be asked, and what is wrong with an endpoint."""

import json
from typing import Any

import click

from weir.cli.main import OK
from weir.cli.options import plain_option
from weir.cli.runner import Runner
from weir.cli.terminal import Terminal
from weir.core.redaction import Redactor
from weir.llm.provider import ModelProvider

CHECK_SECONDS = 20.0
"""Time for the looks at all endpoints."""


@click.command("models")
@click.option("--json", "as_json", is_flag=True, help="Print each model as a line of JSON.")
@plain_option
def command(as_json: bool, plain: bool) -> int:
    """List the models that can be asked, by the names that --model takes; the default comes first.

    Each endpoint is looked at: whether it answers, takes the key and has the model. No model is asked anything.

    \b
    weir models
    weir models --json | jq -r 'select(.problem != "") | .name'
    """
    terminal = Terminal(plain=plain)
    with Runner(terminal) as runner:
        redactor = Redactor(runner.secrets)
        found = [_description(provider, redactor) for provider in runner.checked_models(CHECK_SECONDS)]
    for model in sorted(found, key=lambda model: not model["default"]):
        terminal.write(f"{json.dumps(model, ensure_ascii=False) if as_json else _line(model)}\n")
    return OK


def _description(provider: ModelProvider, redactor: Redactor) -> dict[str, Any]:
    health = provider.health
    return {
        "name": provider.name,
        "model": provider.model_at_endpoint,
        "host": provider.host,
        "default": provider.name == provider.catalogue.default.name,
        "problem": redactor.redact(health.problem) if health else "",
    }


def _line(model: dict[str, Any]) -> str:
    return f"{model['name']}\t{model['model']} ({model['host']})\t{model['problem'] or 'ready'}"

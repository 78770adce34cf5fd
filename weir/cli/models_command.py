"""`weir models`: the models that can be asked, and what is wrong with an endpoint."""

import json
from typing import Any

import click

from weir.cli.main import OK
from weir.cli.options import plain_option
from weir.cli.runner import Runner
from weir.cli.terminal import Terminal
from weir.core.redaction import Redactor
from weir.llm.provider import FoundModel, ModelProvider

CHECK_SECONDS = 20.0
"""Time for the looks at all endpoints."""


@click.command("models")
@click.option("--json", "as_json", is_flag=True, help="Print each model as a line of JSON.")
@plain_option
def command(as_json: bool, plain: bool) -> int:
    """List the models that can be asked, by the names that --model takes; the default comes first.

    Each endpoint is looked at: whether it answers, takes the key and has the model. No model is asked anything. Where
    nothing names a model, the usual ports of Ollama, LM Studio, llama-server and vLLM are looked at (WEIR_DISCOVER),
    and what is there is listed as found, with the lines of weir.toml that add it.

    \b
    weir models
    weir models --json | jq -r 'select(.problem != "") | .name'
    """
    terminal = Terminal(plain=plain)
    with Runner(terminal) as runner:
        redactor = Redactor(runner.secrets)
        known = [_description(provider, redactor) for provider in runner.checked_models(CHECK_SECONDS)]
        found = runner.submit(runner.models.discover()).result(CHECK_SECONDS)
    offered = [_offer(model, redactor) for model in found]
    for model in [*sorted(known, key=lambda model: not model["default"]), *offered]:
        terminal.write(f"{json.dumps(model, ensure_ascii=False) if as_json else _line(model)}\n")
    if found and not as_json:
        terminal.say("What is found is not asked. To use it, write into weir.toml, in the folder where Weir starts:")
        terminal.say(f"\n{found[0].lines}")
    return OK


def _description(provider: ModelProvider, redactor: Redactor) -> dict[str, Any]:
    health = provider.health
    return {
        "name": provider.name,
        "model": provider.model_at_endpoint,
        "host": provider.host,
        "default": provider.name == provider.catalogue.default.name,
        "problem": redactor.redact(health.problem) if health else "",
        "found": False,
    }


def _offer(model: FoundModel, redactor: Redactor) -> dict[str, Any]:
    name = redactor.redact(model.name)
    return {"name": name, "model": name, "host": model.server, "default": False, "problem": "", "found": True}


def _line(model: dict[str, Any]) -> str:
    state = "found on this machine" if model["found"] else "ready"
    return f"{model['name']}\t{model['model']} ({model['host']})\t{model['problem'] or state}"

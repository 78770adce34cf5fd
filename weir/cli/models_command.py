"""`weir models`: the models that can be asked, and what is wrong with an endpoint."""

import json
from collections.abc import Sequence
from typing import Any

import click

from weir.analysis.metrics_line import counted
from weir.cli.main import OK
from weir.cli.options import plain_option
from weir.cli.runner import Runner
from weir.cli.terminal import Terminal
from weir.config.capabilities import Capabilities, Capability
from weir.core.redaction import Redactor
from weir.llm.capability_trial import MAX_TOKENS, TrialError, try_capabilities
from weir.llm.provider import FoundModel, ModelProvider

CHECK_SECONDS = 20.0
"""Time for the looks at all endpoints."""


@click.command("models")
@click.option("--json", "as_json", is_flag=True, help="Print each model as a line of JSON.")
@click.option("--try", "tries", is_flag=True, help="Ask models what they can do, where that is not known.")
@plain_option
def command(as_json: bool, tries: bool, plain: bool) -> int:
    """List the models that can be asked, by the names that --model takes; the default comes first.

    Each endpoint is looked at: whether it answers, takes the key and has the model. No model is asked anything. Where
    nothing names a model, the usual ports of Ollama, LM Studio, llama-server and vLLM are looked at (WEIR_DISCOVER),
    and what is there is listed as found, with the lines of weir.toml that add it.

    --try sends two short requests to each model of which it is not known whether it calls tools, keeps to a JSON Schema
    and reasons. What is found out is kept in the data folder, and holds where weir.toml says nothing.

    \b
    weir models
    weir models --try
    weir models --json | jq -r 'select(.problem != "") | .name'
    """
    terminal = Terminal(plain=plain)
    with Runner(terminal) as runner:
        redactor = Redactor(runner.secrets)
        providers = runner.checked_models(CHECK_SECONDS)
        if tries:
            _try(providers, runner, redactor)
        known = [_description(provider, redactor) for provider in providers]
        found = runner.submit(runner.models.discover()).result(CHECK_SECONDS)
    offered = [_offer(model, redactor) for model in found]
    for model in [*sorted(known, key=lambda model: not model["default"]), *offered]:
        terminal.write(f"{json.dumps(model, ensure_ascii=False) if as_json else _line(model)}\n")
    if found and not as_json:
        terminal.say("What is found is not asked. To use it, write into weir.toml, in the folder where Weir starts:")
        terminal.say(f"\n{found[0].lines}")
    return OK


def _try(providers: Sequence[ModelProvider], runner: Runner, redactor: Redactor) -> None:
    """Ask the models that can be asked what they can do, and keep what was found out."""
    unknown = [
        provider
        for provider in providers
        if not provider.model.entry.is_embedded
        and provider.capabilities.unknown
        and not (provider.health and provider.health.problem)
    ]
    for provider in unknown:
        runner.terminal.say(f"{provider.name}: at most {counted(len(Capability), 'request')} of {MAX_TOKENS} tokens …")
        try:
            provider.keep_capabilities(runner.submit(try_capabilities(provider)).result())
        except TrialError as error:
            runner.terminal.say(redactor.redact(f"{provider.name} could not be tried: {error}"))
        except OSError as error:
            runner.terminal.say(f"What was found out cannot be kept: {error.strerror}.")


def _description(provider: ModelProvider, redactor: Redactor) -> dict[str, Any]:
    health = provider.health
    return {
        "name": provider.name,
        "model": provider.model_at_endpoint,
        "host": provider.host,
        "default": provider.name == provider.catalogue.default.name,
        "problem": redactor.redact(health.problem) if health else "",
        "found": False,
        **provider.capabilities.model_dump(),
    }


def _offer(model: FoundModel, redactor: Redactor) -> dict[str, Any]:
    name = redactor.redact(model.name)
    return {
        "name": name,
        "model": name,
        "host": model.server,
        "default": False,
        "problem": "",
        "found": True,
        **Capabilities().model_dump(),
    }


def _line(model: dict[str, Any]) -> str:
    can = Capabilities.model_validate(model).words
    state = "found on this machine" if model["found"] else f"ready ({can})" if can else "ready"
    return f"{model['name']}\t{model['model']} ({model['host']})\t{model['problem'] or state}"

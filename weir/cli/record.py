"""Recording of a chain in this process, and the chains that can be named on the command line.

It imports neither Streamlit nor the database, and loads the embedded model only for a chain that needs it.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import click

from weir.cli.app_modules import import_app_module
from weir.cli.runner import Runner, check_writable, write_recording
from weir.cli.terminal import Terminal
from weir.config.user_chains import ChainImportError, import_runnable
from weir.core.run_event import RunEvent
from weir.llm.chain_registry import ChainRegistry, ChainSpec, PreparedRun, UnknownChainError, spec_of_runnable
from weir.runs.graph_options import GraphOptions, GraphOptionsError, configure_run


def record(
    name: str, inputs: Any, target: str, options: dict[str, Any] | None = None, *, model: str | None = None
) -> int:
    """Run a chain, write its recording to a file, or to standard output for `-`, and return the exit code.

    `options` are the fields of GraphOptions. A run that goes on with a thread has no input.
    """
    chain = named_chain(name)
    check_writable(target)
    terminal = Terminal()
    with Runner(terminal, model=model) as runner:

        def build() -> PreparedRun:
            chosen = GraphOptions.model_validate(options or {})
            value = None if chosen.continues else inputs
            built = chain.prepare(runner.models, chain.inputs_for(value, continues=chosen.continues))
            return configured_run(built, chosen, has_input=not chosen.continues)

        prepared = runner.prepare(build)
        run = runner.start(prepared, name=name, config=prepared.config)

        def count(_: Sequence[RunEvent]) -> None:
            if terminal.draws_messages:
                terminal.draw_message(f"{run.name}: {len(run.events):,} events")

        ended = runner.follow(run, count, every=0.25)
        terminal.end_message()
        terminal.say(ended.message or "Done.")
        write_recording(run, target)
    return ended.exit_code


def configured_run(prepared: PreparedRun, options: GraphOptions, *, has_input: bool) -> PreparedRun:
    """Return the run with a graph's options. Raises ClickException if the chain has no use for them."""
    try:
        run = configure_run(prepared.runnable, prepared.inputs if has_input else None, options)
    except GraphOptionsError as error:
        raise click.ClickException(str(error)) from error
    context = prepared.context | run.context
    return replace(prepared, runnable=run.runnable, inputs=run.value, context=context, config=run.config)


def named_chain(name: str) -> ChainSpec:
    """Return `find_chain(name)`. Raises ClickException in place of ChainImportError."""
    try:
        return find_chain(name)
    except ChainImportError as error:
        raise click.ClickException(str(error)) from error


def find_chain(name: str) -> ChainSpec:
    """Return a built-in chain by its name, or a Runnable by its `package.module:attribute`. Raises ChainImportError."""
    if ":" in name:
        return spec_of_runnable(name, name, import_runnable(name))
    registry: ChainRegistry = import_app_module("chains.registry").REGISTRY
    try:
        return registry.get(name)
    except UnknownChainError:
        known = ", ".join(chain.name for chain in registry)
        raise ChainImportError(f"{name} is no chain: name one of {known}, or package.module:attribute.") from None

"""Options that several commands have."""

from collections.abc import Callable
from typing import Any

import click

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

plain_option: Decorator = click.option("--plain", is_flag=True, help="No colours, no bar: text alone.")
model_option: Decorator = click.option(
    "--model", metavar="NAME", help="The model that answers: `weir models` lists them."
)
recording_option: Decorator = click.option(
    "-o", "--recording", "target", metavar="FILE", help="Write the recording of the run to FILE too."
)
input_option: Decorator = click.option(
    "--input", "input_json", metavar="JSON", default="{}", help="The chain's input: JSON, @FILE, or - for stdin."
)
speed_option: Decorator = click.option(
    "--speed",
    metavar="FACTOR",
    type=click.FloatRange(min=0.001),
    default=1.0,
    show_default=True,
    help="2: twice as fast.",
)

_GRAPH_OPTIONS: tuple[Decorator, ...] = (
    click.option("--thread", metavar="ID", help="Thread of a graph with a checkpointer."),
    click.option("--resume", metavar="JSON", help="Answer to what the thread asks, in place of the input."),
    click.option("--checkpoint", metavar="ID", help="Checkpoint of the thread to go on from, in place of the input."),
    click.option("--context", metavar="JSON", help="Context of the graph's run, an object."),
    click.option("--recursion-limit", type=click.IntRange(1), metavar="N", help="Steps after which a graph is ended."),
)


def graph_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of a graph's run to a command; `read_graph_options` reads them."""
    for option in reversed(_GRAPH_OPTIONS):
        function = option(function)
    return function

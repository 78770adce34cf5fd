"""Options that several commands have."""

from collections.abc import Callable
from typing import Any

import click

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

plain_option: Decorator = click.option("--plain", is_flag=True, help="No colours, no bar: text alone.")
model_option: Decorator = click.option(
    "--model", metavar="NAME", help="Another model of the same endpoint.  [default: OPENAI_MODEL]"
)
recording_option: Decorator = click.option(
    "-o", "--recording", "target", metavar="FILE", help="Write the recording of the run to FILE too."
)
input_option: Decorator = click.option(
    "--input", "input_json", metavar="JSON", default="{}", help="The chain's input: JSON, @FILE, or - for stdin."
)

"""`weir record`: a chain run in this process, and the recording of it."""

from typing import Any

import click

from weir.cli.inputs import read_graph_options, read_json
from weir.cli.options import graph_options, input_option, model_option
from weir.cli.record import record


@click.command("record")
@click.argument("chain")
@input_option
@click.option("-o", "--output", "target", default="-", metavar="FILE", help="Where to write it.  [default: -, stdout]")
@model_option
@graph_options
def command(chain: str, input_json: str, target: str, model: str | None, **options: Any) -> int:
    """Run a CHAIN and write its recording: JSON lines, which the Inspector opens without a model.

    CHAIN is the name of a built-in chain, or package.module:attribute. A run that fails, or that Ctrl-C stops, is
    written too.

    \b
    weir record story --input '{"topic": "rain"}' -o rain.jsonl
    weir record my_package.graphs:graph --thread one --resume '"yes"' -o done.jsonl
    weir record my_package.chains:agent --input @input.json | gzip > run.jsonl.gz
    """
    return record(chain, read_json(input_json), target, read_graph_options(**options), model=model)

"""`weir show`: the run tree, figures and diagnosis of a recording."""

import click


@click.command("show", epilog="Exit codes: 0 shown, 2 a file cannot be opened.")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--text", "only_text", is_flag=True, help="Print the answer's text alone.")
def command(files: tuple[str, ...], only_text: bool) -> int:
    """Show recordings: how each run ended, its components, its figures, and what holds its stream up.

    A FILE that is - is standard input.

    \b
    weir show run.jsonl
    weir record story --input '{"topic": "rain"}' | weir show -
    """
    from weir.analysis.answer_reader import answer_text
    from weir.analysis.metrics import run_metrics
    from weir.analysis.outcome import outcome
    from weir.analysis.run_text import diagnosis_lines, metrics_lines, tree_lines
    from weir.analysis.run_tree import run_tree
    from weir.cli.recording_argument import open_recording
    from weir.cli.terminal import Terminal
    from weir.core.serialization import replace_lone_surrogates

    terminal = Terminal()
    for number, name in enumerate(files):
        run = open_recording(name)
        if only_text:
            terminal.write(f"{replace_lone_surrogates(answer_text(run.events))}\n")
            continue
        root, metrics = run_tree(run.events), run_metrics(run.events)
        result = outcome(run, metrics)
        sentence = " ".join(filter(None, (result.message, result.detail)))
        head = f"{name}: {run.name}, {len(run.events):,} events. {result.status.value}. {sentence}".rstrip()
        lines = [head] if number == 0 else ["", head]
        for part in (tree_lines(root), metrics_lines(metrics), diagnosis_lines(root, run.events)):
            lines += ["", *(f"  {line}" for line in part)]
        terminal.write("\n".join(lines) + "\n")
    return 0

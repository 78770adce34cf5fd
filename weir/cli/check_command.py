"""`weir check`: checks recordings by rules, for tests and CI."""

import json
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from weir.analysis.check_rules import Rules
    from weir.cli.check_report import FileReport

HOLD, BROKEN, NOT_CHECKED = 0, 1, 2
CONFIG = Path("weir.toml")
ALL_CHAINS = "*"
"""Name of the table in `weir.toml` whose rules are for every chain."""


@click.command("check", epilog="Exit codes: 0 all rules hold, 1 a rule is broken, 2 a rule could not be checked.")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--first-token", metavar="TIME", help="Longest time to the first text, such as 1s or 200ms.")
@click.option("--gap-p95", metavar="TIME", help="Bound of the 95th percentile of the gaps between chunks.")
@click.option("--gap-max", metavar="TIME", help="Longest gap between chunks.")
@click.option("--duration", metavar="TIME", help="Longest time to the run's last event.")
@click.option("--tokens-per-second", type=float, metavar="RATE", help="Lowest rate of the answer.")
@click.option("--max-tokens", type=int, metavar="N", help="Most output tokens of all model calls.")
@click.option("--finish", metavar="REASON", help="Finish reason of the last model call, such as stop.")
@click.option("--no-error", is_flag=True, help="No component failed, and the recording is complete.")
@click.option("--streams", multiple=True, metavar="NAMES", help='These pass chunks on: "story -> StrOutputParser".')
@click.option("--route", metavar="ROUTE", help="Route that the smart router took.")
@click.option("--json-valid", metavar="SCHEMA", help="File with a JSON Schema that the answer satisfies.")
@click.option("--contains", multiple=True, metavar="TEXT", help="Text in the answer.")
@click.option("--calls", multiple=True, metavar="TOOL:N", help="Number of calls of a tool.")
@click.option("--doctor", is_flag=True, help="The diagnosis finds nothing that holds the stream up.")
@click.option(
    "--config", metavar="TOML", type=click.Path(path_type=Path), help="File with rules by chain.  [default: weir.toml]"
)
@click.option("--against", metavar="BASE", help="Recording with which each FILE is compared, rule by rule.")
@click.option(
    "--tolerance",
    metavar="SHARE",
    default="20%",
    show_default=True,
    help="How much later or slower than BASE is allowed.",
)
@click.option("--json", "as_json", is_flag=True, help="Print a line of JSON for each FILE.")
@click.option("--junit", metavar="XML", type=click.Path(path_type=Path), help="Write the results as JUnit XML too.")
def command(
    files: tuple[str, ...],
    config: Path | None,
    against: str | None,
    tolerance: str,
    as_json: bool,
    junit: Path | None,
    **options: Any,
) -> int:
    """Check recordings by rules.

    Rules are options here, or stand in weir.toml: [check."*"] for all chains, [check.NAME] for the chain NAME.
    Each broken rule is shown with the figure, the bound, and the event in which it broke.

    \b
    weir check run.jsonl --first-token 1s --gap-p95 200ms --finish stop --no-error
    weir check runs/*.jsonl --config weir.toml --junit report.xml
    weir check new.jsonl --against base.jsonl
    """
    from weir.cli import check_report
    from weir.cli.terminal import Terminal

    given = {name: value for name, value in options.items() if value is not None and value is not False and value != ()}
    if "json_valid" in given:
        given["json_valid"] = _read_schema(Path(given["json_valid"]))
    tables = _read_config(config)
    base = None if against is None else _base_rules(against, _share(tolerance))
    if not given and not tables and base is None:
        raise click.UsageError("There is no rule: name one, such as --first-token 1s, or write a weir.toml.")
    reports = [_check_file(name, given, tables, base) for name in files]
    Terminal().write(check_report.as_json_lines(reports) if as_json else check_report.as_table(reports))
    if junit:
        try:
            junit.write_bytes(check_report.as_junit(reports))
        except OSError as error:
            raise click.ClickException(f"{junit} cannot be written: {error.strerror}.") from error
    states = [report.holds for report in reports]
    return BROKEN if False in states else NOT_CHECKED if None in states else HOLD


def _check_file(
    name: str, given: dict[str, Any], tables: dict[str, dict[str, Any]], base: "Rules | None"
) -> "FileReport":
    from weir.analysis.checks import check
    from weir.cli.check_report import FileReport
    from weir.cli.recording_argument import open_recording

    try:
        run = open_recording(name)
    except click.ClickException as error:
        return FileReport(name, "", (), error.message)
    of_chain = {**tables.get(ALL_CHAINS, {}), **tables.get(run.name, {}), **given}
    results = list(check(run.events, base)) if base else []
    results += check(run.events, _rules(of_chain))
    problem = "" if results else f"There is no rule for the chain {run.name}."
    return FileReport(name, run.name, tuple(results), problem)


def _rules(values: dict[str, Any]) -> "Rules":
    from weir.analysis.check_rules import RuleError, parse_rules

    try:
        return parse_rules(values)
    except RuleError as error:
        raise click.ClickException(str(error)) from error


def _base_rules(name: str, tolerance: float) -> "Rules":
    from weir.analysis.checks import rules_of
    from weir.cli.recording_argument import open_recording

    return rules_of(open_recording(name).events, tolerance)


def _share(text: str) -> float:
    """Return the share that `20%` or `0.2` names."""
    try:
        value = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        value = -1.0
    if not 0 <= value < 1e6:
        raise click.UsageError(f"--tolerance {text} is no share: write 20%.")
    return value


def _read_schema(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise click.ClickException(f"The schema {path} cannot be read: {_reason(error)}.") from error


def _read_config(path: Path | None) -> dict[str, dict[str, Any]]:
    """Return the tables of rules by chain; none where no file is named and there is no `weir.toml`."""
    if path is None and not CONFIG.exists():
        return {}
    path = path or CONFIG
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8-sig")).get("check", {})
    except (OSError, ValueError) as error:
        raise click.ClickException(f"{path} cannot be read: {_reason(error)}.") from error
    if not isinstance(tables, dict) or not all(isinstance(table, dict) for table in tables.values()):
        raise click.ClickException(f'{path} has no tables of rules: write [check."*"] or [check.NAME].')
    return {name: _with_schema(table, path.parent) for name, table in tables.items()}


def _reason(error: OSError | ValueError) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8"
    return (error.strerror or str(error)) if isinstance(error, OSError) else str(error)


def _with_schema(table: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Return a table in which a schema's file, relative to the folder, is replaced by the schema."""
    schema = table.get("json_valid")
    return {**table, "json_valid": _read_schema(folder / schema)} if isinstance(schema, str) else table

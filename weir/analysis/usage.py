"""Token usage as a model's server reports it, checked: the one reader of it."""

from collections.abc import Iterator
from typing import Any, NamedTuple

MOST_TOKENS = 100_000_000
"""Of one call; ten times the largest context window. A greater count is a fault of the server."""

_INPUT = ("input_tokens", "prompt_tokens")
_OUTPUT = ("output_tokens", "completion_tokens")


class Usage(NamedTuple):
    """Tokens of one call to a model. None is a count that the server left out, or that is no count."""

    input_tokens: int | None
    output_tokens: int | None


def read_usage(output: Any) -> Usage | None:
    """Return the usage in the `output` of a model's end event; None where there is no count in it.

    A message has it in `usage_metadata`, else in `response_metadata` as the provider wrote it; the result of a
    completion model in `llm_output`.
    """
    if not isinstance(output, dict):
        return None
    reports = map(_checked, _reports(output))
    return next((usage for usage in reports if usage != Usage(None, None)), None)


def _reports(output: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the places that hold counts, the one that LangChain has brought into one form first."""
    about, result = output.get("response_metadata"), output.get("llm_output")
    found = [output.get("usage_metadata")]
    found += [about.get("token_usage"), about.get("usage")] if isinstance(about, dict) else []
    found += [result.get("token_usage")] if isinstance(result, dict) else []
    yield from (report for report in found if isinstance(report, dict))


def _checked(report: dict[str, Any]) -> Usage:
    return Usage(_count(report, _INPUT), _count(report, _OUTPUT))


def _count(report: dict[str, Any], names: tuple[str, ...]) -> int | None:
    """Return the count that stands under the first of these names that has one.

    0 is none: LangChain writes it where the server left the count out, and each call reads a token and writes one.
    """
    return next((count for name in names if (count := _whole(report.get(name)))), None)


def _whole(value: Any) -> int | None:
    """Return a number of tokens; None for what cannot be one."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= MOST_TOKENS:
        return None
    return int(value) if value == int(value) else None

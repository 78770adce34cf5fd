"""Token usage as reported by a model's server, validated. The only reader of usage."""

from collections.abc import Iterator
from typing import Any, NamedTuple

MAX_TOKENS = 100_000_000
"""Limit of one call's count: ten times the largest context window. A larger count is an error of the server."""

_INPUT = ("input_tokens", "prompt_tokens")
_OUTPUT = ("output_tokens", "completion_tokens")


class Usage(NamedTuple):
    """Tokens of one model call. None: the server left the count out, or it is invalid."""

    input_tokens: int | None
    output_tokens: int | None


def read_usage(output: Any) -> Usage | None:
    """Return the usage in the `output` of a model's end event; None if there is no valid count.

    A message has it in `usage_metadata`, or in `response_metadata` as the provider wrote it; the result of a completion
    model has it in `llm_output`.
    """
    if not isinstance(output, dict):
        return None
    reports = map(_checked, _reports(output))
    return next((usage for usage in reports if usage != Usage(None, None)), None)


def reasoning_tokens_of(message: dict[str, Any]) -> int | None:
    """Return the reasoning tokens that the server counted for a message; None if it counted none."""
    usage = message.get("usage_metadata")
    details = usage.get("output_token_details") if isinstance(usage, dict) else None
    return _valid_count(details.get("reasoning")) if isinstance(details, dict) else None


def _reports(output: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the dicts that may have counts, first the one that LangChain has normalized."""
    metadata, result = output.get("response_metadata"), output.get("llm_output")
    reports = [output.get("usage_metadata")]
    reports += [metadata.get("token_usage"), metadata.get("usage")] if isinstance(metadata, dict) else []
    reports += [result.get("token_usage")] if isinstance(result, dict) else []
    yield from (report for report in reports if isinstance(report, dict))


def _checked(report: dict[str, Any]) -> Usage:
    return Usage(_count(report, _INPUT), _count(report, _OUTPUT))


def _count(report: dict[str, Any], names: tuple[str, ...]) -> int | None:
    """Return the valid count under the first of these names; None if there is none.

    0 is not valid: LangChain writes it if the server left the count out, and each call uses at least one token.
    """
    return next((count for name in names if (count := _valid_count(report.get(name)))), None)


def _valid_count(value: Any) -> int | None:
    """Return a number of tokens; None if the value cannot be one."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= MAX_TOKENS:
        return None
    return int(value) if value == int(value) else None

"""Token usage in the outputs of models."""

from typing import Any

import pytest

from tests.support.event_strategies import NO_COUNTS
from weir.analysis.usage import Usage, read_usage
from weir.core import serialization


@pytest.mark.parametrize(
    "output",
    [
        {"usage_metadata": {"input_tokens": 5, "output_tokens": 3, "total_tokens": 8}},
        {"usage_metadata": {"input_tokens": 5.0, "output_tokens": 3.0}},
        {"response_metadata": {"token_usage": {"prompt_tokens": 5, "completion_tokens": 3}}},
        {"response_metadata": {"usage": {"input_tokens": 5, "output_tokens": 3}}},
        {"llm_output": {"token_usage": {"prompt_tokens": 5, "completion_tokens": 3}}},
        {
            "usage_metadata": {"input_tokens": 0, "output_tokens": 0},
            "response_metadata": {"token_usage": {"prompt_tokens": 5, "completion_tokens": 3}},
        },
    ],
)
def test_usage_is_read_from_each_place_that_langchain_uses(output: Any) -> None:
    assert read_usage(output) == Usage(5, 3)


@pytest.mark.parametrize("count", NO_COUNTS, ids=lambda count: repr(count)[:20])
@pytest.mark.parametrize("recorded", [False, True])
def test_an_invalid_count_is_unknown_and_the_other_one_is_read(count: Any, recorded: bool) -> None:
    output = {"usage_metadata": {"input_tokens": count, "output_tokens": 3}}
    assert read_usage(serialization.loads(serialization.dumps(output)) if recorded else output) == Usage(None, 3)
    assert read_usage({"llm_output": {"token_usage": {"prompt_tokens": count, "completion_tokens": count}}}) is None


@pytest.mark.parametrize("usage", ["many", 7, None, [1], {}, True])
def test_usage_that_is_not_an_object_is_none(usage: Any) -> None:
    assert read_usage({"usage_metadata": usage}) is None
    assert read_usage({"response_metadata": {"token_usage": usage, "usage": usage}}) is None
    assert read_usage({"response_metadata": usage, "llm_output": usage}) is None
    assert read_usage({"llm_output": {"token_usage": usage}}) is None
    assert read_usage(usage) is None

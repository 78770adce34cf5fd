"""Tokens of runs: models whose servers count them, and models whose servers do not."""

from collections.abc import Iterator
from typing import Any

import pytest
from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseLLM, FakeMessagesListChatModel, GenericFakeChatModel
from langchain_core.messages import AIMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import Generation, GenerationChunk, LLMResult

from tests.support.event_strategies import NO_COUNTS
from weir.analysis.token_counter import BYTES_PER_TOKEN, TokenUsageCounter
from weir.runs.recorder import Recorder
from weir.runs.run import Run


class CountingLLM(BaseLLM):
    """A completion model that reports its token usage."""

    @property
    def _llm_type(self) -> str:
        return "counting"

    def _generate(self, prompts: list[str], *_: Any, **__: Any) -> LLMResult:
        usage = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}
        return LLMResult(generations=[[Generation(text="A weir.")] for _ in prompts], llm_output={"token_usage": usage})


class StreamingLLM(CountingLLM):
    """A completion model that streams without reporting usage."""

    def _stream(
        self,
        prompt: str,  # noqa: ARG002
        stop: list[str] | None = None,  # noqa: ARG002
        run_manager: CallbackManagerForLLMRun | None = None,
        **_: Any,
    ) -> Iterator[GenerationChunk]:
        for word in ("A", " dam", " is", " higher."):
            if run_manager:
                run_manager.on_llm_new_token(word, chunk=GenerationChunk(text=word))
            yield GenerationChunk(text=word)


def finished_run(recorder: Recorder, model: Any, question: str) -> Run:
    run = recorder.start(model, question)
    assert run.wait(30)
    return run


def estimated_prompt(run: Run) -> int:
    """Return the estimated tokens of the prompt."""
    return next(len(event.payload) for event in run.events if event.event.endswith("_start")) // BYTES_PER_TOKEN


def test_a_completion_model_costs_what_its_server_counts(recorder: Recorder) -> None:
    run = finished_run(recorder, CountingLLM(), "What is a weir?")
    assert run.events[-1].event == "on_llm_end"
    assert TokenUsageCounter().update(run.events) == 18


@pytest.mark.parametrize(
    "model", [StreamingLLM(), GenericFakeChatModel(messages=iter([AIMessage("A dam is higher.")]))]
)
def test_uncounted_tokens_are_estimated_from_the_prompt_and_the_chunks(recorder: Recorder, model: Any) -> None:
    run = finished_run(recorder, model, "What is a weir?")
    chunks = sum(event.event.endswith("_stream") for event in run.events)
    assert chunks > 2
    assert TokenUsageCounter().update(run.events) == estimated_prompt(run) + chunks


def test_a_chat_model_costs_what_its_server_counts(recorder: Recorder) -> None:
    usage = UsageMetadata(input_tokens=5, output_tokens=3, total_tokens=8)
    model = FakeMessagesListChatModel(responses=[AIMessage("A dam.", usage_metadata=usage)])
    assert TokenUsageCounter().update(finished_run(recorder, model, "What is a dam?").events) == 8


def model_reporting(usage: Any) -> CountingLLM:
    """Return a completion model that reports this usage."""

    class Model(CountingLLM):
        def _generate(self, prompts: list[str], *_: Any, **__: Any) -> LLMResult:
            return LLMResult(
                generations=[[Generation(text="A weir.")] for _ in prompts], llm_output={"token_usage": usage}
            )

    return Model()


@pytest.mark.parametrize("count", NO_COUNTS, ids=lambda count: repr(count)[:20])
def test_an_invalid_count_is_estimated_and_a_valid_one_is_used(recorder: Recorder, count: Any) -> None:
    question = "What is a weir? " * 20
    run = finished_run(recorder, model_reporting({"prompt_tokens": count, "completion_tokens": 7}), question)
    assert TokenUsageCounter().update(run.events) == estimated_prompt(run) + 7
    run = finished_run(recorder, model_reporting({"prompt_tokens": 11, "completion_tokens": count}), question)
    assert 11 < TokenUsageCounter().update(run.events) < 11 + estimated_prompt(run)

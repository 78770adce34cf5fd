"""Overrides of LangChain and the openai client that use their private APIs, or copy what their methods do.

Everything here was read in langchain-core 1.8.3, langchain-openai 1.7.4 and openai 3.57.0. After an upgrade of one of
them, run the tests named below, which compare with the library's own behaviour, and read the changed methods again.
The figures are CPU time of the event loop's thread for one streamed token of the story chain (docs/benchmarks.md).

`direct_sequence.py`: `DirectRunnableSequence`, `stream_step`
    Overrides `RunnableSequence.atransform` and replaces `Runnable._atransform_stream_with_config`. Private: the
    signature of `_atransform`, `get_async_callback_manager_for_config`, `tap_output_aiter` of a handler.
    Reason: LangChain takes each chunk of each step in a task: 130 µs a token, and about 98 µs without.
    Tests: tests/llm/test_direct_sequence.py (same events as LangChain's sequence), tests/runs/test_callback_handler.py.

`direct_str_parser.py`: `DirectStrOutputParser`
    Overrides `StrOutputParser.atransform`.
    Reason: LangChain's parser sends each chunk to a thread and back: 300 µs a token, and 217 µs without.
    Tests: tests/llm/test_direct_sequence.py, tests/runs/test_callback_handler.py.

`json_parser.py`: `LinearJsonOutputParser`
    Has the events and values of `JsonOutputParser`; overrides `BaseTransformOutputParser.atransform` and `_transform`.
    Reason: LangChain's parser parses the whole text again at each chunk: 100,000 characters of prose take minutes.
    Tests: tests/llm/test_json_parser.py (same values as LangChain's parser, and time linear in the answer).

`dict_completions.py`: `DictCompletions`, `EventDecoder`, `check_answers`, `parse_at_end`
    Private: `client._process_response_data`, `client._make_sse_decoder`, `openai._streaming.SSEDecoder`, and in
    `lib/streaming/chat/_completions.py` the fields `_state`, `_rich_response_format` and `_response_format`. It relies
    on ChatOpenAI accepting chunks that are dicts.
    Reasons: the five objects that the openai client builds for a chunk: 217 µs a token, and 150 µs without. A class as
    response format is parsed again at each chunk: 200,000 characters of JSON take minutes. And a server's objects of
    another shape must not look like a fault of the chain.
    Tests: tests/llm/test_dict_completions.py (same messages as the openai client's), tests/llm/test_broken_streams.py,
    and for `parse_at_end` tests/chains/test_structured.py.

`checked_chat_openai.py`: `CheckedChatOpenAI`
    Overrides `ChatOpenAI._convert_chunk_to_generation_chunk`, `_create_chat_result`, `_stream`, `_astream`,
    `_generate` and `_agenerate`. It relies on LangChain setting `response_metadata["model_provider"]` for chunks that
    have a choice.
    Reasons: LangChain drops the text of a streamed refusal and the reasoning of OpenAI-compatible servers, and returns
    an empty answer without an error. No gain in speed.
    Tests: tests/llm/test_model_faults.py, tests/llm/test_broken_streams.py.

Private APIs that are used elsewhere: `weir/runs/callback_handler.py` inherits from LangChain's
`_StreamingCallbackHandler` and implements its `tap_output_aiter` (tests/runs/test_callback_handler.py and
test_graph_stream.py). `weir/llm/retry_deadline.py` reads the header
`x-stainless-retry-count` and sets `x-should-retry`, which the openai client sends and reads
(tests/llm/test_idle_timeout.py).
"""

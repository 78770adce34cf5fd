"""The contract of the tale chain: what it streams, and how soon.

`pytest` replays the recordings beside this file, without a model. `pytest --weir=record` runs the chain on the endpoint
that OPENAI_BASE_URL, OPENAI_API_KEY and OPENAI_MODEL name, and writes them anew.
"""

import os

from langchain_core.language_models import BaseChatModel
from tale import tale_chain

from weir.library.pytest_plugin import RecordingFixture


def model() -> BaseChatModel:
    from langchain_openai import ChatOpenAI

    return ChatOpenAI(
        model=os.environ.get("OPENAI_MODEL", "local"), stream_usage=True, temperature=0, max_completion_tokens=400
    )


def test_the_tale_comes_soon_and_streams(weir_record: RecordingFixture) -> None:
    recording = weir_record(tale_chain, {"topic": "a weir"}, model=model)
    assert recording.check(first_token="5s", finish="stop", no_error=True, streams="StrOutputParser -> tale")


def test_the_tale_is_short(weir_record: RecordingFixture) -> None:
    recording = weir_record(tale_chain, {"topic": "a lighthouse"}, model=model)
    assert recording.check(max_tokens=600, no_error=True)
    assert recording.text

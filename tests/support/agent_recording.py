"""Makes the recording of an agent that comes with Weir, on the scripted server of the tests.

.venv/bin/python -m tests.support.agent_recording FILE
"""

import sys
from pathlib import Path

from chains.agent import agent
from tests.support.fake_openai import Plan, fake_openai
from weir.config.settings import Settings
from weir.llm.chat_model import chat_model, configured_endpoint, http_client
from weir.runs.background_loop import BackgroundLoop
from weir.runs.recorder import Recorder
from weir.runs.recording_file import to_jsonl
from weir.runs.run_store import MemoryStore

QUESTION = "What is 25 * 17, and which day of the week is 28 November 2026?"
THOUGHT = "The user asks for a product and for a day. I have a calculator and a calendar, so I call the first."
AGAIN = "The calculator wants an asterisk. I try again, and ask for the day too."
ANSWER = "25 times 17 is 425, and 28 November 2026 is a Saturday."


def words(text: str) -> list[str]:
    """Return a text in pieces of one word."""
    return [f"{word} " for word in text.split(" ")]


TURNS = [
    Plan(
        delay=0.3,
        rate=40,
        reasoning=words(THOUGHT),
        tool_calls=[("calculate", ['{"expr', "ession", '": "2', '5 x 17"}'])],
    ),
    Plan(
        delay=0.2,
        rate=40,
        reasoning=words(AGAIN),
        tool_calls=[
            ("calculate", ['{"expr', "ession", '": "2', "5 * ", '17"}']),
            ("weekday", ['{"da', 'te": "20', "26-11", '-28"}']),
        ],
    ),
    Plan(delay=0.2, rate=40, tokens=words(ANSWER)),
]


def main(target: str) -> None:
    """Record the agent into a file."""
    loop = BackgroundLoop()
    with fake_openai() as server:
        server.plan = Plan(turns=TURNS)
        settings = Settings.model_validate(
            {"OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": "none", "OPENAI_MODEL": "scripted-server"}
        )
        http = http_client()
        model = chat_model(configured_endpoint(settings), settings, http)
        recorder = Recorder(MemoryStore(budget=50_000_000), loop, secrets=(server.url,))
        context = {"page": "events", "server": "scripted"}
        run = recorder.start(agent(model), {"messages": [("user", QUESTION)]}, name="agent", context=context)
        run.wait(60)
        loop.submit(http.aclose()).result(timeout=60)
    loop.close()
    Path(target).write_bytes(b"".join(to_jsonl(run)))


if __name__ == "__main__":
    main(sys.argv[1])

"""Fifty sessions of the story page at once, each with an answer at twenty tokens a second: how late is a token?

    python -m bench.sessions [--sessions 50] [--rate 20] [--tokens 400]

A session speaks Streamlit's own protocol over its websocket and asks as a browser would: fifty browsers would need a
machine each. The model writes its clock into every token; the lag is the time from there to the arrival of the message
that shows it. A token that no message shows is lost.
"""

import argparse
import asyncio
import re
import statistics
import time
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import ClientConnection, connect

from bench.servers import Server, model_server, weir
from weir.analysis.metrics import percentile

TOKEN = re.compile(r"(\d+)@(\d+\.\d{4})")
TIMEOUT_SECONDS = 60.0
"""Seconds that a session waits for the next message before it gives up."""
STAGGER = 2.0
"""Seconds over which the sessions begin."""


@dataclass(slots=True)
class Answer:
    """What a session has seen of its answer."""

    wanted: int
    lags: list[float] = field(default_factory=list)
    """Seconds, one for each token in order."""

    @property
    def lost(self) -> int:
        """Tokens that were never shown."""
        return self.wanted - len(self.lags)

    def read(self, text: str, now: float) -> None:
        """Note the tokens of a block that were not there before."""
        for number, written in TOKEN.findall(text):
            if int(number) == len(self.lags):
                self.lags.append(now - float(written))


class Session:
    """One visitor's tab."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._input = ""

    async def open(self) -> None:
        """Draw the page for the first time and find its input."""
        await self._rerun()
        while not self._input:
            await self._next()
        await self._finished()

    async def ask(self, question: str, tokens: int) -> Answer:
        """Ask for a story and read it until the page has been drawn to its end."""
        await self._rerun(question)
        answer = Answer(tokens)
        while (message := await self._next()).WhichOneof("type") != "script_finished" or answer.lost:
            if message.WhichOneof("type") == "delta":
                answer.read(message.delta.new_element.markdown.body, time.time())
        return answer

    async def ask_and_leave(self, question: str, after: float) -> None:
        """Ask for a story and go away in the middle of it."""
        await self._rerun(question)
        try:
            async with asyncio.timeout(after):
                while True:
                    await self._next()
        except TimeoutError:
            return

    async def _rerun(self, text: str = "") -> None:
        message = BackMsg()
        message.rerun_script.page_name = "story"
        if text:
            state = message.rerun_script.widget_states.widgets.add()
            state.id = self._input
            state.chat_input_value.data = text
        await self._socket.send(message.SerializeToString())

    async def _next(self) -> ForwardMsg:
        frame = await asyncio.wait_for(self._socket.recv(), TIMEOUT_SECONDS)
        message = ForwardMsg()
        message.ParseFromString(frame if isinstance(frame, bytes) else frame.encode())
        if message.WhichOneof("type") == "delta" and message.delta.new_element.WhichOneof("type") == "chat_input":
            self._input = message.delta.new_element.chat_input.id
        return message

    async def _finished(self) -> None:
        while (await self._next()).WhichOneof("type") != "script_finished":
            pass


def address(server: Server) -> str:
    """Return where the sessions of a Streamlit server connect."""
    return f"ws://{urlsplit(server.url).netloc}/_stcore/stream"


async def read_story(server: Server, tokens: int, rate: float, delay: float = 0.0) -> Answer:
    """Open a session after `delay` seconds, have it ask for one story, and return what it saw."""
    await asyncio.sleep(delay)
    async with connect(address(server), max_size=None) as socket:
        session = Session(socket)
        await session.open()
        return await session.ask(f"[[clock={tokens} rate={rate:g}]]", tokens)


async def at_once(server: Server, sessions: int, tokens: int, rate: float) -> list[Answer]:
    """Have that many sessions read their stories at the same time."""
    delays = (STAGGER * number / sessions for number in range(sessions))
    return list(await asyncio.gather(*(read_story(server, tokens, rate, delay) for delay in delays)))


def many(sessions: int, tokens: int, rate: float) -> tuple[list[Answer], float]:
    """Run Weir for so many sessions; return what they saw, and the seconds of CPU that the server used a token."""
    limits = {"WEIR_MAX_RUNS": "1000", "WEIR_MAX_RUNS_PER_CLIENT": "1000"}
    with model_server() as model, weir(model, **limits) as server:
        asyncio.run(at_once(server, 2, 20, rate))
        before = server.cpu()
        answers = asyncio.run(at_once(server, sessions, tokens, rate))
        return answers, (server.cpu() - before) / (sessions * tokens)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--sessions", type=int, default=50)
    parser.add_argument("--rate", type=float, default=20)
    parser.add_argument("--tokens", type=int, default=400)
    chosen = parser.parse_args()
    answers, cpu = many(chosen.sessions, chosen.tokens, chosen.rate)
    lags = [lag for answer in answers for lag in answer.lags]
    print(f"{chosen.sessions} sessions, {chosen.tokens} tokens each at {chosen.rate:g}/s:")
    print(
        f"  lag median {statistics.median(lags):.3f} s, p95 {percentile(lags, 0.95):.3f} s, longest {max(lags):.3f} s"
    )
    print(f"  tokens lost: {sum(answer.lost for answer in answers)}; server CPU a token: {cpu * 1e6:.0f} µs")


if __name__ == "__main__":
    main()

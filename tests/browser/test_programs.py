"""A program that is attached, in the browser: its run appears, grows, is lost and goes on."""

import re
import signal
import subprocess
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.support.accessibility import faults
from tests.support.app_process import running_weir
from tests.support.attaching import environment, start
from tests.support.browser_page import opened

PROGRAM = """
import sys
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessageChunk
from langchain_core.outputs import ChatGenerationChunk
from langchain_core.prompts import ChatPromptTemplate

class TypedModel(GenericFakeChatModel):
    "Writes what is typed, line by line."
    def _stream(self, messages, stop=None, run_manager=None, **kwargs):
        for line in sys.stdin:
            yield ChatGenerationChunk(message=AIMessageChunk(line.strip()))

chain = ChatPromptTemplate.from_template("tell {topic}") | TypedModel(messages=iter([]))
for chunk in chain.stream({"topic": "a river"}): pass
"""


def write(program: "subprocess.Popen[str]", *tokens: str) -> None:
    assert program.stdin is not None
    program.stdin.write("".join(f"{token}\n" for token in tokens))
    program.stdin.flush()


def test_a_program_is_seen_live_lost_and_again(page: Page, tmp_path: Path) -> None:
    (tmp_path / "river.py").write_text(PROGRAM, encoding="utf-8")
    with running_weir(OPENAI_BASE_URL="http://127.0.0.1:9/v1", OPENAI_API_KEY="none") as url:
        opened(page, f"{url}/events")
        expect(page.get_by_text("weir attach -- python app.py")).to_be_visible()
        program = start(["river.py"], environment(url), tmp_path, stdin=subprocess.PIPE)
        try:
            main = page.get_by_role("main")
            expect(main.get_by_role("button", name="river.py")).to_be_visible(timeout=60_000)
            expect(main.get_by_text(re.compile(r"process \d+ on .* 1 run, 1 live"))).to_be_visible()
            main.get_by_role("link", name=re.compile("RunnableSequence")).click()
            expect(main.get_by_text("Sent by river.py")).to_be_visible()
            write(program, "Once", " upon", " a")
            expect(main.get_by_text(re.compile("Writing 8 events"))).to_be_visible()
            # Weir does not run it.
            expect(page.get_by_role("button", name="Stop", exact=True)).not_to_be_visible()

            program.send_signal(signal.SIGSTOP)
            expect(main.get_by_text("Lost contact").first).to_be_visible(timeout=90_000)
            assert faults(page) == []
            program.send_signal(signal.SIGCONT)
            write(program, "time")
            expect(main.get_by_text(re.compile("Writing 9 events"))).to_be_visible(timeout=60_000)
            program.communicate(timeout=60)
            expect(main.get_by_text(re.compile(r"Done \d+ events"))).to_be_visible()
        finally:
            program.kill()
            program.communicate()
        main.get_by_role("button", name="All runs").click()
        expect(main.get_by_text("Programs that send nothing now (1)")).to_be_visible()
        expect(main.get_by_role("row").filter(has_text="river.py")).to_contain_text("Done")

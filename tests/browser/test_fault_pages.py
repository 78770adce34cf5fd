"""What a person sees of each fault, on each page: one app, on a wire that can be cut between it and its model."""

import contextlib
import json
import os
import re
import signal
import subprocess
import tempfile
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.support.app_process import free_port, running_weir, weir_process, with_preloaded_streamlit
from tests.support.browser_page import ended, opened, send
from tests.support.fake_openai import FakeOpenAI, Plan
from tests.support.faults import BLOCKS, FAULTS, LINE, ModelFault
from tests.support.relay import Relay, relay
from weir.analysis.outcome import AnswerStatus
from weir.runs.failure import FailureKind
from weir.storage.storage_errors import StorageProblem

TIMEOUT = 2.0
"""Seconds after which the app under test gives up on a silent model."""
IN_TIME = TIMEOUT * 1_000 + 30_000
"""Milliseconds within which a page says what happened, on a busy machine too."""
GRACE = 12
"""Seconds that the app under test goes on with a run that nobody reads."""
HERE = {fault.name: fault for fault in FAULTS}
"""`tests/pages/test_page_faults.py` has them all, on every page, without a browser."""
IN_CHAT = ("401: wrong key", "silent, without headers", "cut in the middle", "length limit", "empty answer")


@dataclass(slots=True)
class Bench:
    """The app, the model that it asks, and the wires between browser, app and model."""

    url: str
    wire: Relay
    model: FakeOpenAI
    model_wire: Relay


@pytest.fixture(scope="module")
def lasting(model_server: FakeOpenAI) -> Iterator[Bench]:
    with (
        relay(model_server.url) as model_wire,
        running_weir(
            OPENAI_BASE_URL=f"{model_wire.url}/v1",
            OPENAI_API_KEY="sk-test",
            OPENAI_MODEL="fake",
            WEIR_TIMEOUT=str(TIMEOUT),
            WEIR_RETRIES="0",
            WEIR_GRACE=str(GRACE),
        ) as url,
        relay(url) as wire,
    ):
        yield Bench(wire.url, wire, model_server, model_wire)


@pytest.fixture
def bench(lasting: Bench) -> Bench:
    """The same with all wires whole and nothing planned."""
    lasting.wire.mend()
    lasting.model_wire.mend()
    lasting.model.recover()
    return lasting


def well(bench: Bench, number: int) -> str:
    """Have the model answer well again, with words that nothing else has."""
    text = f"All is well {number}."
    bench.model.recover()
    bench.model.plan = Plan(tokens=list(text))
    return text


def sees(page: Page, fault: ModelFault, mark: str = "{}$", text: str | None = None) -> None:
    """Expect a fault's mark, sentence, remedy and text on the page; `mark` is a pattern of the line with the mark."""
    if fault.mark is not AnswerStatus.DONE:
        expect(page.get_by_text(re.compile(mark.format(fault.mark.value)))).to_be_visible(timeout=IN_TIME)
    if fault.kind:
        sentence, remedy = (re.escape(words.replace("`", "")) for words in (fault.kind.message, fault.kind.hint))
        expect(page.get_by_text(re.compile(f"{sentence}.* {remedy}"))).to_be_visible(timeout=IN_TIME)
    if partial := (fault.text if text is None else text).strip():
        expect(page.get_by_text(partial).filter(visible=True).last).to_be_visible()


def test_a_fault_in_the_chat_is_shown_kept_out_of_the_history_and_retried(page: Page, bench: Bench) -> None:
    opened(page, bench.url)
    for number, name in enumerate(IN_CHAT):
        fault = HERE[name]
        assert fault.kind
        fault.befall(bench.model)
        send(page, f"Question {number}")
        sees(page, fault)
        answer = well(bench, number)
        page.get_by_role("button", name="Retry").last.click()
        expect(page.get_by_text(answer)).to_be_visible()
        expect(page.get_by_text(fault.kind.message)).to_have_count(0)
        history = [message["content"] for message in bench.model.answers[-1].body["messages"][1:]]
        assert history[-1] == f"Question {number}"
        assert all(re.fullmatch(r"Question \d+|All is well \d+\.", text) for text in history), (fault.name, history)
    # No more than what the model said well has been kept.
    page.reload()
    expect(page.get_by_text(answer)).to_be_visible()
    expect(page.get_by_role("button", name="Retry")).to_have_count(0)


def test_a_model_server_that_is_gone_and_comes_back(page: Page, bench: Bench) -> None:
    opened(page, bench.url)
    bench.model_wire.cut()
    send(page, "Anybody there?")
    expect(page.get_by_text(FailureKind.UNREACHABLE.message)).to_be_visible(timeout=IN_TIME)
    bench.model_wire.mend()
    answer = well(bench, 1)
    page.get_by_role("button", name="Retry").click()
    expect(page.get_by_text(answer)).to_be_visible()


@pytest.mark.parametrize("status", [401, 429])
def test_a_classification_that_fails_for_good_is_the_answers_failure(page: Page, bench: Bench, status: int) -> None:
    fault = next(fault for fault in FAULTS if fault.plan.status == status)
    assert fault.kind is not None
    opened(page, bench.url)
    bench.model.structured = fault.plan
    send(page, "Which way?")
    expect(page.get_by_text(fault.kind.message)).to_be_visible(timeout=IN_TIME)
    assert bench.model.answers == []
    answer = well(bench, status)
    page.get_by_role("button", name="Retry").click()
    expect(page.get_by_text(answer)).to_be_visible()


@pytest.mark.parametrize(
    ("path", "mark", "again", "done"),
    [
        ("events?chain=story&view=Text", r"{} [\d,]+ events", "Run again", r"Done [\d,]+ events"),
        ("partial_json", "topic .* · {} · ", "Retry", "topic .* · Done · "),
    ],
    ids=["events", "JSON"],
)
def test_a_fault_on_the_other_pages_is_shown_and_retried(
    page: Page, bench: Bench, path: str, mark: str, again: str, done: str
) -> None:
    fault = HERE["cut in the middle"]
    assert fault.kind
    bench.model.plan = bench.model.structured = replace(fault.plan, tokens=['{"name": "', *fault.plan.tokens[1:]])
    opened(page, f"{bench.url}/{path}")
    send(page, "topic 1")
    sees(page, fault, mark, "".join(fault.plan.tokens[1 : fault.kept]))
    bench.model.recover()
    bench.model.plan = bench.model.structured = Plan(tokens=['{"name": "', 'All is well."}'])
    page.get_by_role("button", name=again).click()
    expect(page.get_by_text("All is well.").filter(visible=True).first).to_be_visible()
    expect(page.get_by_text(re.compile(done)).filter(visible=True).first).to_be_visible()
    expect(page.get_by_text(fault.kind.message)).to_have_count(0)


def test_an_answer_of_ten_megabytes_leaves_the_page_at_work_and_can_be_stopped(page: Page, bench: Bench) -> None:
    bench.model.plan = Plan(tokens=BLOCKS, rate=100)
    opened(page, bench.url)
    send(page, "Tell me everything")
    # Block 60 is the last that a page shows; the stream is far beyond it when Stop is pressed.
    expect(page.get_by_text(re.compile("^60 rain"))).to_be_visible(timeout=60_000)
    while bench.model.answers[0].sent < 150:
        page.wait_for_timeout(50)
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_text(re.compile(r"Stopped$"))).to_be_visible()
    expect(page.get_by_text(re.compile(r"the first 250,000 of [\d,]+ characters"))).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("button", name="Whole answer").click()
    saved = download.value.path().read_text(encoding="utf-8")
    assert len(saved) > 400_000
    assert "".join(BLOCKS).startswith(saved)
    answer = well(bench, 10)
    page.get_by_role("button", name="Retry").click()
    expect(page.get_by_text(answer)).to_be_visible()


def test_a_line_of_a_megabyte_is_shown_in_part_and_had_whole(page: Page, bench: Bench) -> None:
    bench.model.plan = Plan(tokens=[LINE])
    opened(page, f"{bench.url}/story")
    send(page, "one line")
    expect(page.get_by_text("the first 250,000 of 1,000,000 characters")).to_be_visible(timeout=60_000)
    with page.expect_download() as download:
        page.get_by_role("button", name="Whole answer").click()
    assert download.value.path().read_text(encoding="utf-8") == LINE


SLOW = [f" drop{number}" for number in range(120)]
LAST = "drop119"


def is_live(bench: Bench) -> bool:
    with urllib.request.urlopen(f"{bench.url}/api/health", timeout=5) as answer:
        return bool(json.load(answer)["live_runs"])


@pytest.mark.parametrize("trouble", ["freeze", "cut"])
def test_five_seconds_offline_lose_nothing(page: Page, bench: Bench, trouble: str) -> None:
    bench.model.plan = Plan(tokens=SLOW, rate=15)
    opened(page, bench.url)
    send(page, "Take your time")
    expect(page.get_by_text("drop9")).to_be_visible()
    getattr(bench.wire, trouble)()
    page.wait_for_timeout(5_000)
    expect(page.get_by_text("drop9")).to_be_visible()
    bench.wire.mend()
    expect(page.get_by_text(re.compile(f"drop0 drop1 .*{LAST}"))).to_be_visible()
    ended(page)
    assert len(bench.model.answers) == 1


def test_a_laptop_that_sleeps_longer_than_the_grace_finds_what_had_arrived(page: Page, bench: Bench) -> None:
    bench.model.plan = Plan(tokens=SLOW * 4, rate=10)
    opened(page, bench.url)
    send(page, "Take your time")
    expect(page.get_by_text("drop9")).to_be_visible()
    bench.wire.cut()
    (request,) = bench.model.answers
    assert request.ended.wait(GRACE + 20)
    assert request.hung_up_at is not None
    bench.wire.mend()
    expect(page.get_by_text("Weir stopped this answer, because nobody was watching")).to_be_visible(timeout=30_000)
    expect(page.get_by_text(re.compile("drop0 drop1 .*drop9"))).to_be_visible()
    answer = well(bench, 2)
    page.get_by_role("button", name="Retry").click()
    expect(page.get_by_text(answer)).to_be_visible()


def test_two_tabs_stop_one_run_at_once(page: Page, bench: Bench, context: BrowserContext) -> None:
    bench.model.plan = Plan(tokens=SLOW * 10, rate=20)
    opened(page, bench.url)
    send(page, "Go on and on")
    expect(page.get_by_text("drop5")).to_be_visible()
    other = opened(context.new_page(), page.url)
    expect(other.get_by_text("drop5")).to_be_visible()
    stops = [tab.get_by_role("button", name="Stop").element_handle() for tab in (page, other)]
    for stop in stops:
        # Without waiting for what comes of it.
        stop.dispatch_event("click")
    for tab in (page, other):
        expect(tab.get_by_text(re.compile(r"Stopped$"))).to_be_visible()
        expect(tab.get_by_text("This answer was stopped.")).to_have_count(1)
    assert bench.model.answers[0].ended.wait(30)
    assert not is_live(bench)


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[Callable[[], Path]]:
    """Have a disk of 3 MB at a folder; yields what fills it, and returns the file that does."""
    command = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(folder)]
    mounted = subprocess.run(command, check=False, capture_output=True)
    if mounted.returncode:
        pytest.skip("only root may mount a disk")

    def fill() -> Path:
        ballast = folder / "ballast"
        with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(4_096))
        return ballast

    try:
        yield fill
    finally:
        subprocess.run(["umount", folder], check=True)


def test_a_disk_that_fills_up_in_mid_answer_is_told_and_the_answer_goes_on(
    page: Page, model: FakeOpenAI, tmp_path: Path
) -> None:
    model.plan = Plan(tokens=SLOW, rate=15)
    with (
        small_disk(tmp_path) as fill,
        running_weir(OPENAI_BASE_URL=model.url, OPENAI_MODEL="fake", WEIR_DATA=str(tmp_path)) as url,
    ):
        opened(page, url)
        send(page, "Fill it up")
        expect(page.get_by_text("drop9")).to_be_visible()
        ballast = fill()
        expect(page.get_by_text(re.compile(f"drop0 drop1 .*{LAST}"))).to_be_visible()
        ended(page)
        expect(page.get_by_text(StorageProblem.FULL.message)).to_be_visible()
        send(page, "Not kept")
        expect(page.get_by_text(f"This was not kept. {StorageProblem.FULL.message}")).to_be_visible()
        ballast.unlink()
        model.plan = Plan(tokens=["There is room."])
        send(page, "Kept")
        expect(page.get_by_text("There is room.")).to_be_visible()
        expect(page.get_by_text(StorageProblem.FULL.message)).to_have_count(0)
        page.reload()
        ended(page, 2)
        expect(page.get_by_text(re.compile(f"drop0 drop1 .*{LAST}"))).to_be_visible()
        expect(page.get_by_text("There is room.")).to_be_visible()


def test_a_server_that_is_killed_and_started_again_is_found_by_the_page_itself(
    page: Page, model: FakeOpenAI, tmp_path: Path
) -> None:
    model.plan = Plan(tokens=SLOW * 2, rate=20)
    environment = {"OPENAI_BASE_URL": model.url, "OPENAI_MODEL": "fake", "WEIR_DATA": str(tmp_path)}
    port = free_port()
    with weir_process("", environment, port) as weir:
        opened(page, weir.url)
        send(page, "Take your time")
        expect(page.get_by_text("drop79")).to_be_visible()
        weir.process.kill()
        weir.process.wait()
    with weir_process("", environment, port, with_preloaded_streamlit):
        expect(page.get_by_text(re.compile("Cut off$"))).to_be_visible(timeout=30_000)
        expect(page.get_by_text("Weir was restarted")).to_be_visible()
        expect(page.get_by_text(re.compile("drop0 drop1 .*drop29"))).to_be_visible()
        model.plan = Plan(tokens=["All is well."])
        page.get_by_role("button", name="Retry").click()
        expect(page.get_by_text("All is well.")).to_be_visible()


@pytest.mark.embedded
@pytest.mark.timeout(240)
def test_an_embedded_model_that_dies_in_mid_answer_is_there_for_the_next(page: Page) -> None:
    with tempfile.TemporaryDirectory() as data, weir_process("", {"WEIR_DATA": data}) as weir:
        page.goto(f"{weir.url}/story")
        expect(page.get_by_text("answers are often wrong")).to_be_visible(timeout=90_000)
        send(page, "a weir")
        expect(page.get_by_text(re.compile(r"~[1-9]\d* of about"))).to_be_visible(timeout=60_000)
        for child in children_of(weir.process.pid):
            os.kill(child, signal.SIGKILL)
        expect(page.get_by_text(re.compile("Cut off$"))).to_be_visible()
        expect(page.get_by_text(FailureKind.CUT.message)).to_be_visible()
        page.get_by_role("button", name="Retry").click()
        expect(page.get_by_text(re.compile(r"~[1-9]\d* of about"))).to_be_visible(timeout=60_000)


def children_of(pid: int) -> list[int]:
    """Return the processes that a process has started."""
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for task in tasks for child in task.read_text().split()]

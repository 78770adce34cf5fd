"""What a person sees of faults in Chromium: one app, on wires that can be cut between browser, app and model."""

import contextlib
import json
import re
import subprocess
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.support.app_process import running_weir
from tests.support.browser_page import ended, opened, send
from tests.support.fake_openai import FakeOpenAI, Plan
from tests.support.faults import BLOCKS, FAULTS, LINE, ModelFault
from tests.support.relay import Relay, relay
from weir.analysis.outcome import AnswerStatus
from weir.runs.failure_sentences import FailureKind
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


def sees(page: Page, fault: ModelFault) -> None:
    """Expect a fault's mark, sentence, remedy and text on the page."""
    if fault.mark is not AnswerStatus.DONE:
        expect(page.get_by_text(re.compile(f"{fault.mark.value}$"))).to_be_visible(timeout=IN_TIME)
    if fault.kind:
        sentence, remedy = (re.escape(words.replace("`", "")) for words in (fault.kind.message, fault.kind.hint))
        expect(page.get_by_text(re.compile(f"{sentence}.* {remedy}"))).to_be_visible(timeout=IN_TIME)
    if partial := fault.text.strip():
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

    # A model's server that is gone, and comes back.
    bench.model_wire.cut()
    send(page, "Anybody there?")
    expect(page.get_by_text(FailureKind.UNREACHABLE.message)).to_be_visible(timeout=IN_TIME)
    bench.model_wire.mend()
    answer = well(bench, 10)
    page.get_by_role("button", name="Retry").click()
    expect(page.get_by_text(answer)).to_be_visible()

    # A classification that fails for good is the answer's failure.
    for status in (401, 429):
        fault = next(fault for fault in FAULTS if fault.plan.status == status)
        assert fault.kind is not None
        bench.model.recover()
        bench.model.structured = fault.plan
        send(page, "Which way?")
        expect(page.get_by_text(fault.kind.message)).to_be_visible(timeout=IN_TIME)
        assert bench.model.answers == []
        answer = well(bench, status)
        page.get_by_role("button", name="Retry").click()
        expect(page.get_by_text(answer)).to_be_visible()
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


def drops(name: str, number: int = 120) -> list[str]:
    return [f" {name}{at}" for at in range(number)]


SLOW = drops("drop")
LAST = "drop119"


def is_live(bench: Bench) -> bool:
    with urllib.request.urlopen(f"{bench.url}/api/health", timeout=5) as answer:
        return bool(json.load(answer)["live_runs"])


def test_seconds_offline_lose_nothing_a_longer_sleep_what_came_after_and_two_tabs_stop_at_once(
    page: Page, bench: Bench, context: BrowserContext
) -> None:
    opened(page, bench.url)
    for number, trouble in enumerate((bench.wire.freeze, bench.wire.cut)):
        word = ("frozen", "severed")[number]
        bench.model.plan = Plan(tokens=drops(word), rate=15)
        send(page, "Take your time")
        expect(page.get_by_text(f"{word}9")).to_be_visible()
        trouble()
        page.wait_for_timeout(5_000)
        expect(page.get_by_text(f"{word}9")).to_be_visible()
        bench.wire.mend()
        expect(page.get_by_text(re.compile(f"{word}0 {word}1 .*{word}119"))).to_be_visible()
        ended(page, number + 1)
        assert len(bench.model.answers) == number + 1

    # A laptop that sleeps longer than the grace finds what had arrived.
    bench.model.recover()
    bench.model.plan = Plan(tokens=SLOW * 4, rate=10)
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
    ended(page, 3)

    bench.model.recover()
    bench.model.plan = Plan(tokens=drops("endless", 1_000), rate=5)
    send(page, "Go on and on")
    expect(page.get_by_text("endless5")).to_be_visible()
    other = opened(context.new_page(), page.url)
    expect(other.get_by_text("endless5")).to_be_visible()
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

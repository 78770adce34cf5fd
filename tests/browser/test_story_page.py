import re

import pytest
from playwright.sync_api import Page, WebSocket, expect

from tests.support.browser_page import Wire, ended, opened, send
from tests.support.fake_openai import FakeOpenAI, Fault, Plan
from weir.analysis.progress import RunPhase

CHOICES = (b"Length", b"Tone", b"LangChain method", b"Show code", b"Rendering", b"story_model_options")
PARAGRAPH = [" rain"] * 39 + [".\n\n"]


def numbered(tokens: int) -> list[str]:
    return [f" w{number}" + (".\n\n" if number % 50 == 49 else "") for number in range(tokens)]


def test_a_story_shows_its_progress_and_can_be_downloaded(story: Page, model: FakeOpenAI) -> None:
    model.plan = Plan(tokens=PARAGRAPH * 2, rate=20)
    send(story, "a weir")
    expect(story.get_by_text(re.compile(r"~\d+ of about 400 tokens"))).to_be_visible()
    ended(story)
    expect(story.get_by_text("80 out")).to_be_visible()
    story.get_by_role("button", name="Download").click()
    with story.expect_download() as download:
        story.get_by_role("button", name="Text", exact=True).click()
    assert download.value.path().read_text(encoding="utf-8") == "".join(PARAGRAPH * 2)


def test_length_and_tone_are_asked_for(story: Page, model: FakeOpenAI) -> None:
    story.get_by_role("radio", name="Short").or_(story.get_by_role("button", name="Short")).first.click()
    story.get_by_role("radio", name="Funny").or_(story.get_by_role("button", name="Funny")).first.click()
    send(story, "a weir")
    ended(story)
    system = model.answers[0].body["messages"][0]["content"]
    assert "120 words" in system
    assert "funny" in system


def test_what_is_chosen_while_a_model_is_silent_holds_for_the_next_story(story: Page, model: FakeOpenAI) -> None:
    model.plan = Plan(delay=60)
    send(story, "a weir")
    expect(story.get_by_text("Reading the prompt · 1 s")).to_be_visible()
    funny = story.get_by_role("radio", name="Funny")
    funny.click()
    expect(funny).to_be_checked()
    choose(story, "LangChain method", "callbacks")
    expect(story.get_by_text(re.compile(r"Reading the prompt · \d+ s"))).to_be_visible()
    story.get_by_role("button", name="Stop").click()
    ended(story)
    model.plan = Plan()
    send(story, "a brook")
    expect(story.get_by_text("Once upon a time.")).to_be_visible()
    ended(story)
    expect(funny).to_be_checked()
    assert "funny" in model.answers[-1].body["messages"][0]["content"]
    assert len(model.answers) == 2


WAITING_STYLES = """() => {
  window.styles = []
  new MutationObserver(records => records.forEach(({target}) => {
    const style = getComputedStyle(target)
    if (target.dataset.stale === "true") window.styles.push([style.opacity, style.transitionDuration].join())
  })).observe(document.body, {subtree: true, attributeFilter: ["data-stale"]})
}"""


def test_what_waits_to_be_drawn_again_does_not_fade(story: Page, model: FakeOpenAI) -> None:
    model.plan = Plan(delay=60)
    story.evaluate(WAITING_STYLES)
    send(story, "a weir")
    story.wait_for_function("window.styles.length > 0")
    story.get_by_role("button", name="Stop").click()
    ended(story)
    assert set(story.evaluate("() => window.styles")) == {"1,0s"}


def test_the_bytes_sent_grow_with_the_text_and_not_with_its_square(story: Page, model: FakeOpenAI) -> None:
    wire = Wire(story)
    story.reload()
    sizes = {}
    for paragraphs in (50, 100):
        model.plan = Plan(tokens=PARAGRAPH * paragraphs)
        wire.received = 0
        send(story, f"{paragraphs} paragraphs")
        expect(story.get_by_text(f"{40 * paragraphs:,} out")).to_be_visible(timeout=60_000)
        sizes[paragraphs] = wire.received
    text = len("".join(PARAGRAPH)) * 100
    assert sizes[100] < 2.5 * sizes[50]
    assert sizes[100] < 12 * text


@pytest.mark.parametrize("delay", [0.0, 1.5], ids=["in its middle", "before its first word"])
def test_a_refresh_of_a_story_goes_on(story: Page, model: FakeOpenAI, delay: float) -> None:
    model.plan = Plan(tokens=PARAGRAPH * 2, rate=20, delay=delay)
    send(story, "a weir")
    if not delay:
        expect(story.get_by_text("rain rain rain")).to_be_visible()
    expect(story).to_have_url(re.compile("run="))
    expect(story.get_by_role("button", name="Regenerate")).to_have_count(0)
    story.reload()
    ended(story)
    expect(story.get_by_text("80 out")).to_be_visible()
    assert len(model.answers) == 1


def test_a_new_topic_stops_the_live_story(story: Page, model: FakeOpenAI) -> None:
    model.plan = Plan(tokens=PARAGRAPH * 10, rate=20)
    send(story, "a slow river")
    expect(story.get_by_text("rain rain")).to_be_visible()
    model.plan = Plan(tokens=["A short story."])
    send(story, "a quick brook")
    expect(story.get_by_text("A short story.")).to_be_visible()
    assert model.answers[0].ended.wait(30)
    assert model.answers[0].hung_up_at is not None


def test_the_story_before_is_gone_while_the_next_one_is_written(story: Page, model: FakeOpenAI) -> None:
    for number in (1, 2, 3):
        model.plan = Plan(tokens=[f"opening{number}\n\n", *PARAGRAPH * 2, f"closing{number}"])
        send(story, f"story {number}")
        expect(story.get_by_text(f"closing{number}")).to_be_visible()
        ended(story)
        model.plan = Plan(tokens=["midway\n\n", *PARAGRAPH * 10], rate=5)
        send(story, "a slow one")
        expect(story.get_by_text("midway")).to_be_visible()
        expect(story.get_by_text(f"closing{number}")).to_have_count(0)
        expect(story.get_by_text("First token", exact=True)).to_have_count(0)
        expect(story.get_by_role("button", name="Regenerate")).to_have_count(0)


def choose(page: Page, label: str, option: str) -> None:
    page.get_by_role("combobox", name=label).click()
    wanted = page.get_by_role("option", name=re.compile(f"^{re.escape(option)}"))
    wanted.click()
    expect(wanted).to_have_count(0)


def test_a_race_shows_who_had_the_first_word_and_that_the_texts_agree(
    page: Page, weir_url: str, model: FakeOpenAI
) -> None:
    model.plan = Plan(tokens=PARAGRAPH, rate=32, delay=0.2)
    opened(page, f"{weir_url}/story?view=Race")
    send(page, "a weir")
    expect(page.get_by_text("waiting", exact=True).first).to_be_visible()
    summary = page.get_by_text(re.compile(r"Without streaming you would have waited 1\.\d s .*; with it 0\.\d s"))
    expect(summary).to_be_visible()
    expect(page.get_by_text("All 5 texts are the same, to the character")).to_be_visible()
    expect(page.locator("[data-testid=stVegaLiteChart]")).to_be_visible()
    assert len(model.answers) == 5
    page.get_by_text("Show code").click()
    expect(page.get_by_text("for chunk in chain.stream(value, config):")).to_be_visible()
    page.reload()
    expect(summary).to_be_visible()


def test_a_recorded_stream_is_raced_without_a_model(page: Page, weir_url: str, model: FakeOpenAI) -> None:
    opened(page, f"{weir_url}/story?view=Race")
    choose(page, "Source", "recorded: a story")
    page.get_by_role("button", name="Race", exact=True).last.click()
    expect(page.get_by_text("Without streaming you would have waited")).to_be_visible()
    expect(page.get_by_text("All 5 texts are the same")).to_be_visible()
    assert model.seen == []


def test_the_clocks_of_a_race_are_what_the_server_wrote_and_the_summary_is_computed_from_them(
    page: Page, weir_url: str, model: FakeOpenAI
) -> None:
    model.plan = Plan(tokens=PARAGRAPH + PARAGRAPH[:20], rate=50, delay=0.2)
    opened(page, f"{weir_url}/story?view=Race")
    send(page, "to warm up")
    expect(page.get_by_text("All 5 texts are the same")).to_be_visible()
    # A busy machine delays some: one race of three has to be on time.
    for topic in ("a weir", "a river", "the sea"):
        model.seen.clear()
        send(page, topic)
        expect(page.get_by_text("waiting", exact=True).first).to_be_visible()
        expect(page.get_by_text("done after")).to_have_count(5)
        clocks = [float(value.removesuffix(" s")) for value in page.get_by_test_id("stMetricValue").all_inner_texts()]
        started = min(seen.at for seen in model.answers)
        streamed = sorted(seen.first_at - started for seen in model.answers if seen.first_at is not None)
        assert len(clocks) == len(streamed) == 5
        # The server's clock begins when the request is there, and a clock on the page has one decimal.
        late = [clock - wrote for clock, wrote in zip(sorted(clocks), streamed, strict=True)]
        if max(map(abs, late)) <= 0.15 + 0.05:
            break
    else:
        pytest.fail(f"in the last race the clocks were off by {late} s")
    without, streams = max(clocks), sorted(clocks)[:-1]
    with_it = sum(streams[1:3]) / 2
    summary = page.get_by_text(re.compile("Without streaming you would have waited")).inner_text()
    match = re.fullmatch(
        r"Without streaming you would have waited ([\d.]+) s for the first word; with it ([\d.]+) s\.", summary
    )
    assert match
    assert float(match[1]) == without
    assert float(match[2]) == pytest.approx(with_it, abs=0.11)


@pytest.mark.parametrize("stalled", [False, True], ids=["flowing", "stalled"])
@pytest.mark.parametrize("method", ["stream()", "astream()", "callbacks", "invoke()"])
def test_stop_on_the_page_hangs_up_on_the_model(story: Page, model: FakeOpenAI, method: str, stalled: bool) -> None:
    model.plan = Plan(tokens=PARAGRAPH * 10, rate=20, fault=Fault.STALL if stalled else None, at=3)
    choose(story, "LangChain method", method)
    send(story, "a weir")
    waits = "Reading the prompt and writing, out of sight" if method == "invoke()" else "rain rain"
    expect(story.get_by_text(waits)).to_be_visible()
    stop = story.get_by_role("button", name="Stop")
    expect(stop).to_be_enabled()
    stop.click()
    assert model.answers[0].ended.wait(30)
    assert model.answers[0].hung_up_at is not None
    expect(story.get_by_text(re.compile(r"connection to the model closed after \d+ ms"))).to_be_visible()


def test_a_race_can_be_stopped_in_a_stall(page: Page, weir_url: str, model: FakeOpenAI) -> None:
    model.plan = Plan(tokens=PARAGRAPH, fault=Fault.STALL, at=3)
    opened(page, f"{weir_url}/story?view=Race")
    send(page, "a weir")
    expect(page.get_by_text("first word after")).to_have_count(4)
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_text("stopped after")).to_have_count(5)
    assert all(seen.hung_up_at is not None for seen in model.answers)


def test_stop_gives_a_receipt_and_the_story_goes_on_from_there(story: Page, model: FakeOpenAI) -> None:
    model.plan = Plan(tokens=PARAGRAPH * 10, rate=20)
    choose(story, "LangChain method", "stream()")
    send(story, "a weir")
    expect(story.get_by_text("rain rain rain")).to_be_visible()
    story.get_by_role("button", name="Stop").click()
    expect(story.get_by_text("Stop receipt")).to_be_visible()
    expect(story.get_by_text(re.compile(r"connection to the model closed after \d+ ms"))).to_be_visible()
    assert model.answers[0].hung_up_at is not None
    model.plan = Plan(tokens=[" and so it ended."])
    story.get_by_role("button", name="Continue").click()
    expect(story.get_by_text(re.compile("rain rain.* and so it ended"))).to_be_visible()
    expect(story.get_by_text("version 2 of 2")).to_be_visible()
    messages = model.answers[-1].body["messages"]
    assert messages[2]["role"] == "assistant"
    assert messages[2]["content"].startswith(" rain rain")


def test_versions_are_kept_and_can_be_flipped(story: Page, model: FakeOpenAI) -> None:
    model.plan = Plan(tokens=["The first telling."])
    send(story, "a weir")
    ended(story)
    model.plan = Plan(tokens=["The second telling."])
    story.get_by_role("button", name="Regenerate").click()
    expect(story.get_by_text("The second telling.")).to_be_visible()
    story.get_by_role("button", name="‹").click()
    expect(story.get_by_text("The first telling.")).to_be_visible()
    expect(story.get_by_text("version 1 of 2")).to_be_visible()
    assert len(model.answers) == 2


def test_the_chunks_can_be_read_one_by_one_while_they_come_and_afterwards(story: Page, model: FakeOpenAI) -> None:
    model.plan = Plan(tokens=numbered(400), rate=20)
    send(story, "a weir")
    story.get_by_text("Chunks", exact=True).click()
    expect(story.get_by_text("A chunk is one item the chain yields.")).to_be_visible()
    newest = story.get_by_test_id("stCode")
    expect(newest).to_contain_text(re.compile(r"\d+\.\d{3} s +\+\d+\.\d ms +Chunk (\d+): '␣w\1'"))
    newest.filter(has_text=re.compile(r"Chunk \d+: '␣w\d+\.⏎⏎'")).wait_for()
    assert len(newest.inner_text().strip("\n").splitlines()) == 8
    assert len(model.answers) == 1
    story.get_by_role("button", name="Stop").click()
    ended(story)
    expect(newest).to_have_count(0)
    expect(story.get_by_test_id("stDataFrame")).to_be_visible()


@pytest.mark.parametrize("mode", ["Every chunk", "Buffered", "By block", "By block, with the list of chunks"])
def test_display_cost_is_what_the_browser_counts(story: Page, model: FakeOpenAI, mode: str) -> None:
    """From the first progress line to the last text: neither what the page is made of, nor the figures below."""
    received: list[bytes] = []

    def listen(socket: WebSocket) -> None:
        socket.on("framereceived", lambda frame: received.append(frame if isinstance(frame, bytes) else frame.encode()))

    story.on("websocket", listen)
    story.reload()
    mode, _, opened_list = mode.partition(", ")
    choose(story, "Rendering", mode)
    if opened_list:
        model.plan = Plan(tokens=["Once."])
        send(story, "another")
        ended(story)
        story.get_by_text("Chunks", exact=True).click()
        expect(story.get_by_test_id("stDataFrame")).to_be_visible()
        received.clear()
    model.plan = Plan(tokens=[*[f" rain{number}" for number in range(119)], ".\n\n", *PARAGRAPH, " zenith"], rate=25)
    send(story, "a weir")
    expect(story.get_by_text("in · 161 out")).to_be_visible()
    cost = story.get_by_text("sent to this browser")
    expect(cost).not_to_contain_text("block: 2 screen updates")
    text = cost.inner_text()
    match = re.search(r"([\d,]+) screen updates, ~([\d.]+) (k?B)", text)
    assert match
    estimated = float(match[2]) * (1_000 if match[3] == "kB" else 1)
    # The phase in the first line depends on how soon the model answers.
    lines = [f"{phase.value} · ".encode() for phase in RunPhase]
    first = next(number for number, frame in enumerate(received) if any(line in frame for line in lines))
    later = (b"copy", b"Chunk 0:")
    last = max(n for n, frame in enumerate(received) if b"zenith" in frame and not any(e in frame for e in later))
    # The controls are drawn in between; on a busy machine, text arrives between them.
    chosen = [number for number in range(first, last) if any(label in received[number] for label in CHOICES)]
    counted = sum(len(frame) for frame in received[first : last + 1])
    if chosen:
        counted -= sum(len(frame) for frame in received[chosen[0] : chosen[-1] + 1] if b" rain" not in frame)
    assert estimated == pytest.approx(counted, rel=0.1), text
    waited = re.search(r"display delay ([\d.]+) ms", text)
    assert waited
    # Five chunks come in 100 ms, and wait for each other.
    assert mode != "Buffered" or 30 < float(waited[1]) < 300


MUTATIONS = """() => {
  window.touched = 0
  const count = (list) => {
    for (const one of list) window.touched += 1 + one.addedNodes.length + one.removedNodes.length
  }
  window.watcher?.disconnect()
  window.watcher = new MutationObserver(count)
  window.watcher.observe(document.querySelector("[data-testid=stApp]"), {
    subtree: true, childList: true, characterData: true,
  })
}"""


def test_an_update_of_a_story_of_20_000_tokens_sends_and_touches_its_end_only(story: Page, model: FakeOpenAI) -> None:
    """What an update sends and touches, not how long it takes; and Stop and Continue work there."""
    wire = Wire(story)
    story.reload()
    story.get_by_text("Novella", exact=True).click()
    model.plan = Plan(tokens=numbered(20_000 + 12_000), rate=100, burst=20_000)

    def cost_of_300_tokens(start: int) -> tuple[int, int]:
        """From a number on the page until 300 later, in bytes and touched nodes."""
        story.get_by_text(f"w{start} ").last.wait_for(state="attached", timeout=120_000)
        story.evaluate(MUTATIONS)
        before = wire.received
        story.get_by_text(f"w{start + 300} ").last.wait_for(state="attached", timeout=30_000)
        touched: int = story.evaluate("window.touched")
        return wire.received - before, touched

    send(story, "a river")
    late = cost_of_300_tokens(20_500)
    story.get_by_role("button", name="Stop").click()
    expect(story.get_by_text("Stop receipt")).to_be_visible()
    assert model.answers[0].hung_up_at is not None
    expect(story.get_by_text("w0 w1 w2").first).to_be_attached()
    model.plan = Plan(tokens=[" and on", *numbered(12_000)], rate=100)
    story.get_by_role("button", name="Continue").click()
    expect(story.get_by_text("and on").last).to_be_attached()
    expect(story.get_by_text("w250 ").last).to_be_attached()
    story.get_by_role("button", name="Stop").click()
    ended(story)
    assert len(model.answers[1].body["messages"][2]["content"]) > 100_000
    # Some sixty updates: sending the text once more would take 130 kB, touching each block once 400 nodes, each time.
    sent, touched = late
    assert sent < 60_000
    assert touched < 2_000

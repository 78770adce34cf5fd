"""What the story page sends to the browser and has it draw anew, counted there."""

import re

from playwright.sync_api import Page, WebSocket, expect

from tests.browser.test_story_page import PARAGRAPH, numbered
from tests.support.accessibility import await_script
from tests.support.browser_page import Wire, choose, ended, opened, send
from tests.support.fake_openai import FakeOpenAI, Plan
from weir.analysis.progress import RunPhase

CHOICES = (b"Length", b"Tone", b"LangChain method", b"Show code", b"Rendering", b"story_model_options")


def test_display_cost_is_what_the_browser_counts_and_bytes_grow_with_the_text_and_not_with_its_square(
    page: Page, weir_url: str, model: FakeOpenAI
) -> None:
    received: list[bytes] = []

    def listen(socket: WebSocket) -> None:
        socket.on("framereceived", lambda frame: received.append(frame if isinstance(frame, bytes) else frame.encode()))

    page.on("websocket", listen)
    for mode in ("Every chunk", "Buffered", "By block", "By block, with the list of chunks"):
        opened(page, f"{weir_url}/story")
        rendering, _, opened_list = mode.partition(", ")
        choose(page, "Rendering", rendering)
        if opened_list:
            model.plan = Plan(tokens=["Once."])
            send(page, "another")
            ended(page)
            page.get_by_text("Chunks", exact=True).click()
            expect(page.get_by_test_id("stDataFrame")).to_be_visible()
        await_script(page)
        received.clear()
        check_display_cost(page, model, received, rendering)
    page.get_by_text("Chunks", exact=True).click()
    expect(page.get_by_test_id("stDataFrame")).to_have_count(0)

    sizes = {}
    for paragraphs in (50, 100):
        model.plan = Plan(tokens=PARAGRAPH * paragraphs)
        received.clear()
        send(page, f"{paragraphs} paragraphs")
        expect(page.get_by_text(f"{40 * paragraphs:,} out")).to_be_visible(timeout=60_000)
        sizes[paragraphs] = sum(map(len, received))
    text = len("".join(PARAGRAPH)) * 100
    assert sizes[100] < 2.5 * sizes[50]
    assert sizes[100] < 12 * text


def check_display_cost(story: Page, model: FakeOpenAI, received: list[bytes], mode: str) -> None:
    """From the first progress line to the last text: neither what the page is made of, nor the figures below."""
    tokens = [*[f" rain{number}" for number in range(39)], ".\n\n", *PARAGRAPH, " zenith"]
    model.plan = Plan(tokens=tokens, rate=25)
    send(story, "a weir")
    expect(story.get_by_text("in · 81 out")).to_be_visible()
    cost = story.get_by_text("sent to this browser")
    expect(cost).not_to_contain_text("block: 2 screen updates")
    text = cost.inner_text()
    match = re.search(r"(\d+) screen updates, ~([\d.]+) (k?B)", text)
    assert match
    updates, estimated = int(match[1]), float(match[2]) * (1_000 if match[3] == "kB" else 1)
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
    # Of updates that a busy app has not sent yet, Streamlit sends the last one only.
    shown = [frame for frame in received[first : last + 1] if b"rain" in frame or b"zenith" in frame]
    texts = [len(frame) for frame in shown if b"Chunk 0:" not in frame]
    assert updates <= len(tokens) + 1
    merged = max(updates - len(texts), 0) * max(texts)
    assert 0.9 * counted < estimated < 1.1 * (counted + merged), text
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


def test_an_update_of_a_story_of_20_000_words_sends_and_touches_its_end_only(story: Page, model: FakeOpenAI) -> None:
    """What an update sends and touches, not how long it takes; and Stop and Continue work there."""
    wire = Wire(story)
    story.reload()
    story.get_by_text("Novella", exact=True).click()
    words = numbered(20_000 + 12_000)
    # Ten at a time, as what is behind this is the text on the page.
    first = ["".join(words[start : start + 10]) for start in range(0, 20_000, 10)]
    model.plan = Plan(tokens=first + words[20_000:], rate=100, burst=len(first))

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

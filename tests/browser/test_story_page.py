import itertools
import re

import pytest
from playwright.sync_api import Page, expect

from tests.support.browser_page import choose, ended, opened, record_shifts, recorded_shifts, send
from tests.support.fake_openai import FakeOpenAI, Fault, Plan

PARAGRAPH = [" rain"] * 39 + [".\n\n"]


def numbered(tokens: int) -> list[str]:
    return [f" w{number}" + (".\n\n" if number % 50 == 49 else "") for number in range(tokens)]


def test_a_story_has_length_tone_progress_a_download_and_versions_and_makes_room_for_the_next(
    story: Page, model: FakeOpenAI
) -> None:
    story.get_by_role("radio", name="Short").or_(story.get_by_role("button", name="Short")).first.click()
    story.get_by_role("radio", name="Funny").or_(story.get_by_role("button", name="Funny")).first.click()
    model.plan = Plan(tokens=PARAGRAPH * 2, rate=20)
    send(story, "a weir")
    expect(story.get_by_text(re.compile(r"~\d+ of about \d+ tokens"))).to_be_visible()
    ended(story)
    expect(story.get_by_text("80 out")).to_be_visible()
    system = model.answers[0].body["messages"][0]["content"]
    assert "120 words" in system
    assert "funny" in system
    story.get_by_role("button", name="Download").click()
    with story.expect_download() as download:
        story.get_by_role("button", name="Text", exact=True).click()
    assert download.value.path().read_text(encoding="utf-8") == "".join(PARAGRAPH * 2)
    story.keyboard.press("Escape")

    # Versions are kept and can be flipped.
    model.plan = Plan(tokens=["The second telling."])
    story.get_by_role("button", name="Regenerate").click()
    expect(story.get_by_text("The second telling.")).to_be_visible()
    story.get_by_role("button", name="‹").click()
    expect(story.get_by_text("rain rain rain").first).to_be_visible()
    expect(story.get_by_text("version 1 of 2")).to_be_visible()
    assert len(model.answers) == 2

    # The story before is gone while the next one is written, and a new topic stops a live one.
    for number in (1, 2):
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
        slow = model.answers[-1]
    model.plan = Plan(tokens=["A short story."])
    send(story, "a quick brook")
    expect(story.get_by_text("A short story.")).to_be_visible()
    assert slow.ended.wait(30)
    assert slow.hung_up_at is not None


WAITING_STYLES = """() => {
  window.styles = []
  new MutationObserver(records => records.forEach(({target}) => {
    const style = getComputedStyle(target)
    if (target.dataset.stale === "true") window.styles.push([style.opacity, style.transitionDuration].join())
  })).observe(document.body, {subtree: true, attributeFilter: ["data-stale"]})
}"""


def test_while_a_model_is_silent_nothing_fades_and_what_is_chosen_holds_for_the_next_story(
    story: Page, model: FakeOpenAI
) -> None:
    story.emulate_media(reduced_motion="no-preference")
    story.evaluate(WAITING_STYLES)
    model.plan = Plan(delay=60)
    send(story, "a weir")
    expect(story.get_by_text("Reading the prompt · 1 s")).to_be_visible()
    story.wait_for_function("() => window.styles.length > 0")
    assert set(story.evaluate("() => window.styles")) == {"1,0s"}
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
    assert set(story.evaluate("() => window.styles")) == {"1,0s"}


def test_a_refresh_goes_on_before_and_in_a_story_and_its_chunks_can_be_read_one_by_one(
    story: Page, model: FakeOpenAI
) -> None:
    model.plan = Plan(tokens=PARAGRAPH, delay=1.5)
    send(story, "a weir")
    expect(story).to_have_url(re.compile("run="))
    expect(story.get_by_role("button", name="Regenerate")).to_have_count(0)
    before = story.url
    story.reload()
    ended(story)
    expect(story.get_by_text("40 out")).to_be_visible()
    assert len(model.answers) == 1

    model.plan = Plan(tokens=numbered(4_000), rate=20)
    send(story, "a brook")
    expect(story.get_by_text("w0 w1 w2")).to_be_visible()
    expect(story).not_to_have_url(before)
    story.reload()
    expect(story.get_by_text("w0 w1 w2")).to_be_visible()
    story.get_by_text("Chunks", exact=True).click()
    expect(story.get_by_text("A chunk is one item the chain yields.")).to_be_visible()
    newest = story.get_by_test_id("stCode")
    expect(newest).to_contain_text(re.compile(r"\d+\.\d{3} s +\+\d+\.\d ms +Chunk (\d+): '␣w\1'"))
    newest.filter(has_text=re.compile(r"Chunk \d+: '␣w\d+\.⏎⏎'")).wait_for()
    assert len(newest.inner_text().strip("\n").splitlines()) == 8
    assert len(model.answers) == 2
    story.get_by_role("button", name="Stop").click()
    ended(story)
    expect(newest).to_have_count(0)
    expect(story.get_by_test_id("stDataFrame")).to_be_visible()


def test_stop_hangs_up_on_the_model_by_every_method_and_the_story_goes_on_from_there(
    story: Page, model: FakeOpenAI
) -> None:
    receipt = story.get_by_text(re.compile(r"connection to the model closed after \d+ ms"))
    rounds = itertools.product(("invoke()", "callbacks", "astream()", "stream()"), (Fault.STALL, None))
    for number, (method, fault) in enumerate(rounds):
        word = f" round{number}"
        model.plan = Plan(tokens=[word] * 400, rate=20, fault=fault, at=3)
        choose(story, "LangChain method", method)
        send(story, f"weir {number}")
        waits = "Reading the prompt and writing, out of sight" if method == "invoke()" else f"{word}{word}".strip()
        expect(story.get_by_text(waits)).to_be_visible()
        expect(receipt).to_have_count(0)
        stop = story.get_by_role("button", name="Stop")
        expect(stop).to_be_enabled()
        stop.click()
        assert model.answers[number].ended.wait(30), method
        assert model.answers[number].hung_up_at is not None, method
        expect(receipt).to_be_visible()
        ended(story)
    expect(story.get_by_text("Stop receipt")).to_be_visible()
    model.plan = Plan(tokens=[" and so it ended."])
    story.get_by_role("button", name="Continue").click()
    expect(story.get_by_text(re.compile("round7 round7.* and so it ended"))).to_be_visible()
    expect(story.get_by_text("version 2 of 2")).to_be_visible()
    messages = model.answers[-1].body["messages"]
    assert messages[2]["role"] == "assistant"
    assert messages[2]["content"].startswith(" round7 round7")


def test_a_race_shows_who_had_the_first_word_by_the_servers_clock_and_is_stopped_in_a_stall(
    page: Page, weir_url: str, model: FakeOpenAI
) -> None:
    opened(page, f"{weir_url}/story?view=Race")
    summary = page.get_by_text(re.compile(r"Without streaming you would have waited [\d.]+ s .*; with it [\d.]+ s"))
    model.plan = Plan(tokens=PARAGRAPH + PARAGRAPH[:20], rate=50, delay=1)
    record_shifts(page)
    send(page, "a weir")
    expect(page.get_by_text("waiting", exact=True).first).to_be_visible()
    expect(summary).to_be_visible()
    expect(page.get_by_text("All 5 texts are the same, to the character")).to_be_visible()
    expect(page.locator("[data-testid=stVegaLiteChart]")).to_be_visible()
    assert max(recorded_shifts(page), default=0) < 0.05
    assert len(model.answers) == 5
    page.get_by_text("Show code").click()
    expect(page.get_by_text("for chunk in chain.stream(value, config):")).to_be_visible()
    page.reload()
    expect(summary).to_be_visible()

    # A busy machine delays some: one race of three has to be on time.
    for topic in ("a brook", "a river", "the sea"):
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
    sentence = summary.inner_text()
    match = re.fullmatch(
        r"Without streaming you would have waited ([\d.]+) s for the first word; with it ([\d.]+) s\.", sentence
    )
    assert match
    assert float(match[1]) == without
    assert float(match[2]) == pytest.approx(with_it, abs=0.11)

    model.seen.clear()
    model.plan = Plan(tokens=PARAGRAPH, fault=Fault.STALL, at=3)
    send(page, "a well")
    expect(page.get_by_text("first word after")).to_have_count(4)
    expect(page.get_by_text("done after")).to_have_count(0)
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_text("stopped after")).to_have_count(5)
    assert all(seen.hung_up_at is not None for seen in model.answers)

    # A recorded stream needs no model.
    choose(page, "Source", "recorded: a story")
    page.get_by_role("button", name="Race", exact=True).last.click()
    expect(summary).to_be_visible()
    expect(page.get_by_text("All 5 texts are the same")).to_be_visible()
    assert len(model.seen) == 5

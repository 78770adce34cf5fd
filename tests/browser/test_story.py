import re

from playwright.sync_api import Page, WebSocket, expect

from tests.browser.conftest import ended, send
from tests.fake_openai import FakeOpenAI, Plan

PARAGRAPH = [" rain"] * 39 + [".\n\n"]


def test_a_story_shows_its_progress_and_can_be_downloaded(story: Page, model: FakeOpenAI) -> None:
    model.plan = Plan(tokens=PARAGRAPH * 2, rate=40)
    send(story, "a weir")
    expect(story.get_by_text(re.compile(r"~\d+ of about 400 tokens"))).to_be_visible()
    ended(story)
    expect(story.get_by_text("80 tokens")).to_be_visible()
    with story.expect_download() as download:
        story.get_by_role("button", name="Download").click()
    assert download.value.path().read_text(encoding="utf-8") == "".join(PARAGRAPH * 2)


def test_length_and_tone_are_asked_for(story: Page, model: FakeOpenAI) -> None:
    story.get_by_role("radio", name="Short").or_(story.get_by_role("button", name="Short")).first.click()
    story.get_by_role("radio", name="Funny").or_(story.get_by_role("button", name="Funny")).first.click()
    send(story, "a weir")
    ended(story)
    system = model.answers[0].body["messages"][0]["content"]
    assert "120 words" in system
    assert "funny" in system


def test_the_bytes_sent_grow_with_the_text_and_not_with_its_square(story: Page, model: FakeOpenAI) -> None:
    received = [0]

    def count(socket: WebSocket) -> None:
        def add(frame: bytes | str) -> None:
            received[0] += len(frame)

        socket.on("framereceived", add)

    story.on("websocket", count)
    story.reload()
    sizes = {}
    for paragraphs in (50, 100):
        model.plan = Plan(tokens=PARAGRAPH * paragraphs)
        received[0] = 0
        send(story, f"{paragraphs} paragraphs")
        expect(story.get_by_text(f"{40 * paragraphs:,} tokens")).to_be_visible(timeout=60_000)
        sizes[paragraphs] = received[0]
    text = len("".join(PARAGRAPH)) * 100
    assert sizes[100] < 2.5 * sizes[50]
    assert sizes[100] < 12 * text


def test_a_refresh_in_the_middle_of_a_story_goes_on(story: Page, model: FakeOpenAI) -> None:
    model.plan = Plan(tokens=PARAGRAPH * 2, rate=40)
    send(story, "a weir")
    expect(story.get_by_text("rain rain rain")).to_be_visible()
    story.reload()
    ended(story)
    expect(story.get_by_text("80 tokens")).to_be_visible()
    assert len(model.answers) == 1


def test_a_new_topic_stops_the_story_that_is_being_told(story: Page, model: FakeOpenAI) -> None:
    model.plan = Plan(tokens=PARAGRAPH * 10, rate=20)
    send(story, "a slow river")
    expect(story.get_by_text("rain rain")).to_be_visible()
    model.plan = Plan(tokens=["A short story."])
    send(story, "a quick brook")
    expect(story.get_by_text("A short story.")).to_be_visible()
    assert model.answers[0].ended.wait(2)
    assert model.answers[0].hung_up_at is not None

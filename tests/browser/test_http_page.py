import re

import pytest
from playwright.sync_api import Page, expect

from pages.components.http_client.snippets import ApiCall, javascript
from tests.support.browser_page import opened, send
from tests.support.fake_openai import FakeOpenAI, Fault, Plan

WORDS = [f" word{number}" for number in range(60)]
WHOLE = re.compile(r"word0 .*word59")


@pytest.fixture
def client(page: Page, weir_url: str, model: FakeOpenAI) -> Page:
    return opened(page, f"{weir_url}/http_client")


def test_frames_and_the_text_they_build_appear_as_they_come(client: Page, model: FakeOpenAI) -> None:
    model.plan = Plan(tokens=WORDS, rate=15)
    send(client, "a river")
    expect(client.get_by_text('data: {"content":" word3"}')).to_be_visible()
    expect(client.locator("[data-part=text]").get_by_text("word59")).to_have_count(0)
    expect(client.get_by_text("Complete. 0 reconnects, no duplicates, no gaps.")).to_be_visible()
    expect(client.locator("[data-part=text]").get_by_text(WHOLE)).to_be_visible()
    expect(client.get_by_text("61 frames")).to_be_visible()
    assert len(model.seen) == 1


def test_a_broken_connection_is_resumed_by_the_browser_itself(client: Page, model: FakeOpenAI) -> None:
    model.plan = Plan(tokens=WORDS, rate=12)
    send(client, "a river")
    expect(client.get_by_text('data: {"content":" word3"}')).to_be_visible()
    client.get_by_role("button", name="Break the connection").click()
    expect(client.get_by_text(re.compile(r"Broken after id \S+\. The browser reconnected .* later"))).to_be_visible()
    expect(client.get_by_text(re.compile(r"Resumed with id \S+: no duplicate\."))).to_be_visible()
    expect(client.get_by_text("Complete. 1 reconnect, no duplicates, no gaps.")).to_be_visible()
    expect(client.locator("[data-part=text]").get_by_text(WHOLE)).to_be_visible()
    assert len(model.seen) == 1


def test_every_event_of_a_run_is_shown(client: Page, model: FakeOpenAI) -> None:
    model.plan = Plan(tokens=WORDS)
    client.get_by_role("radio", name="Every event").or_(client.get_by_role("button", name="Every event")).first.click()
    send(client, "a river")
    expect(client.get_by_text("Done. 0 reconnects, no duplicates, no gaps.")).to_be_visible()
    expect(client.locator("[data-part=frames]").get_by_text("on_chat_model_end").first).to_be_visible()


@pytest.mark.parametrize("endpoint", ["Plain text", "Raw bytes"])
def test_bytes_are_read_as_they_come(client: Page, model: FakeOpenAI, endpoint: str) -> None:
    model.plan = Plan(tokens=WORDS, rate=100)
    client.get_by_text(endpoint, exact=True).first.click()
    send(client, "a river")
    expect(client.get_by_text("Response complete.")).to_be_visible()
    expect(client.locator("[data-part=frames]").get_by_text("word59")).to_be_visible()


def test_a_failure_is_told_with_its_reference(client: Page, model: FakeOpenAI) -> None:
    model.plan = Plan(tokens=WORDS, fault=Fault.CUT, at=5)
    send(client, "a river")
    expect(
        client.get_by_text(re.compile(r"broke before the answer was complete.*\(reference [0-9a-f]{8}\)"))
    ).to_be_visible()


def test_a_refusal_is_told_in_its_own_words(client: Page, model: FakeOpenAI) -> None:
    model.plan = Plan(status=401)
    client.get_by_text("Plain text", exact=True).first.click()
    send(client, "a river")
    expect(client.get_by_text("Refused: The model's server did not accept the API key.")).to_be_visible()


@pytest.mark.parametrize("endpoint", ["Server-sent events", "Every event of a run", "Plain text"])
def test_stop_hangs_up_on_the_model_at_once(client: Page, model: FakeOpenAI, endpoint: str) -> None:
    model.plan = Plan(tokens=WORDS * 10, rate=25)
    client.get_by_text(endpoint, exact=True).first.click()
    send(client, "a river")
    expect(client.locator("[data-part=frames]").get_by_text("word3").first).to_be_visible()
    client.get_by_role("button", name="Stop").click()
    expect(client.get_by_text("Stopped: the run has ended.")).to_be_visible()
    assert model.seen[0].ended.wait(30)
    assert model.seen[0].hung_up_at is not None


def test_start_again_begins_another_run(client: Page, model: FakeOpenAI) -> None:
    send(client, "a river")
    expect(client.get_by_text("Complete. ")).to_be_visible()
    model.plan = Plan(tokens=["Anew."])
    client.get_by_role("button", name="Start again").click()
    expect(client.locator("[data-part=text]").get_by_text("Anew.")).to_be_visible()
    assert len(model.seen) == 2


def test_using_another_widget_does_not_begin_the_stream_again(client: Page, model: FakeOpenAI) -> None:
    model.plan = Plan(tokens=WORDS, rate=25)
    send(client, "a river")
    expect(client.get_by_text('data: {"content":" word3"}')).to_be_visible()
    client.get_by_role("tab", name="Python").click()
    client.get_by_role("button", name="Use a better model").or_(client.get_by_role("tab", name="curl")).first.click()
    expect(client.get_by_text("Complete. ")).to_be_visible()
    assert len(model.seen) == 1


def test_the_self_test_says_whether_something_buffers(client: Page, model: FakeOpenAI) -> None:
    send(client, "a river")
    client.get_by_role("button", name="Test for buffering").click()
    expect(client.get_by_text(re.compile(r"No buffering found: 10 ticks, median gap \d+ ms\."))).to_be_visible()


@pytest.mark.parametrize(
    "call",
    [
        ApiCall("", "/api/sse", (("topic", 'it\'s "rain"'),), "done"),
        ApiCall("", "/api/stream", (("topic", "rain"),), None),
    ],
    ids=["EventSource", "fetch"],
)
def test_the_javascript_works_when_pasted(client: Page, model: FakeOpenAI, call: ApiCall) -> None:
    model.plan = Plan(tokens=["pasted", " and", " run"])
    client.evaluate(f"async () => {{ {javascript(call)} }}")
    expect(client.locator("body")).to_contain_text("pasted and run")


def test_the_page_is_wide_and_the_others_are_not(client: Page) -> None:
    main = client.locator("[data-testid=stMainBlockContainer]")
    expect(main).to_have_css("max-width", "none")
    client.get_by_role("link", name="Chat").click()
    expect(client.get_by_role("main").get_by_text("Ask anything. Weir")).to_be_visible()
    expect(main).not_to_have_css("max-width", "none")


def test_on_a_phone_nothing_is_wider_than_the_screen(page: Page, weir_url: str, model: FakeOpenAI) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    opened(page, f"{weir_url}/http_client")
    send(page, "a river")
    expect(page.get_by_text("Complete. ")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390

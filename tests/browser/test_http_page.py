import re

import pytest
from playwright.sync_api import Locator, Page, expect

from pages.components.http_client.snippets import ApiCall, javascript
from tests.support.browser_page import opened, send
from tests.support.fake_openai import FakeOpenAI, Fault, Plan


@pytest.fixture
def client(page: Page, weir_url: str, model: FakeOpenAI) -> Page:
    return opened(page, f"{weir_url}/http_client")


def words(name: str, number: int = 60) -> list[str]:
    return [f" {name}{at}" for at in range(number)]


def text_of(client: Page) -> Locator:
    return client.locator("[data-part=text]")


def frames_of(client: Page) -> Locator:
    return client.locator("[data-part=frames]")


def test_frames_and_text_appear_as_they_come_and_a_broken_connection_is_resumed(
    client: Page, model: FakeOpenAI
) -> None:
    main = client.locator("[data-testid=stMainBlockContainer]")
    expect(main).to_have_css("max-width", "none")
    plan = model.plan = Plan(tokens=words("word"), rate=2, burst=6)
    send(client, "a river")
    expect(client.get_by_text('data: {"content":" word3"}')).to_be_visible()
    # Using another widget does not begin the stream again.
    client.get_by_role("tab", name="Python").click()
    client.get_by_role("button", name="Use a better model").or_(client.get_by_role("tab", name="curl")).first.click()
    expect(text_of(client).get_by_text("word5")).to_be_visible()
    plan.rate = 0
    expect(client.get_by_text("Complete. 0 reconnects, no duplicates, no gaps.")).to_be_visible()
    expect(text_of(client).get_by_text(re.compile("word0 .*word59"))).to_be_visible()
    expect(client.get_by_text("61 frames")).to_be_visible()
    assert len(model.seen) == 1

    model.plan = Plan(tokens=["Anew."])
    client.get_by_role("button", name="Start again").click()
    expect(text_of(client).get_by_text("Anew.")).to_be_visible()
    assert len(model.seen) == 2

    # The browser itself resumes a connection that breaks.
    plan = model.plan = Plan(tokens=words("drop"), rate=2, burst=6)
    send(client, "a river")
    expect(client.get_by_text('data: {"content":" drop3"}')).to_be_visible()
    client.get_by_role("button", name="Break the connection").click()
    expect(client.get_by_text(re.compile(r"Broken after id \S+\. The browser reconnected .* later"))).to_be_visible()
    expect(client.get_by_text(re.compile(r"Resumed with id \S+: no duplicate\."))).to_be_visible()
    plan.rate = 0
    expect(client.get_by_text("Complete. 1 reconnect, no duplicates, no gaps.")).to_be_visible()
    expect(text_of(client).get_by_text(re.compile("drop0 .*drop59"))).to_be_visible()
    assert len(model.seen) == 3

    client.get_by_role("button", name="Test for buffering").click()
    expect(client.get_by_text(re.compile(r"No buffering found: 10 ticks, median gap \d+ ms\."))).to_be_visible()
    client.set_viewport_size({"width": 390, "height": 800})
    client.wait_for_function("() => document.documentElement.scrollWidth <= 390")
    client.set_viewport_size({"width": 1280, "height": 800})
    # The other pages are not as wide.
    client.get_by_role("link", name="Chat").click()
    expect(client.get_by_role("main").get_by_text("Ask anything. Weir")).to_be_visible()
    expect(main).not_to_have_css("max-width", "none")


def test_each_endpoint_is_read_as_it_comes_and_stop_hangs_up_at_once(client: Page, model: FakeOpenAI) -> None:
    for number, (endpoint, text, ending) in enumerate(
        (
            ("Server-sent events", "word59", "Complete. 0 reconnects, no duplicates, no gaps."),
            ("Every event of a run", "on_chat_model_end", "Done. 0 reconnects, no duplicates, no gaps."),
            ("Plain text", "plain59", "Response complete."),
            ("Raw bytes", "bytes59", "Response complete."),
        )
    ):
        if endpoint == "Raw bytes":
            client.get_by_text("Server-sent events", exact=True).first.click()
        client.get_by_text(endpoint, exact=True).first.click()
        model.plan = Plan(tokens=words(("word", "event", "plain", "bytes")[number]), rate=100)
        send(client, "a river")
        expect(frames_of(client).get_by_text(text).first).to_be_visible()
        expect(client.get_by_text(ending)).to_be_visible()
        if endpoint == "Raw bytes":
            break
        model.seen.clear()
        model.plan = Plan(tokens=words("slow", 600), rate=25)
        send(client, "a long river")
        expect(frames_of(client).get_by_text("slow3").first).to_be_visible()
        client.get_by_role("button", name="Stop").click()
        expect(client.get_by_text("Stopped: the run has ended.")).to_be_visible()
        assert model.seen[0].ended.wait(30), endpoint
        assert model.seen[0].hung_up_at is not None, endpoint


def test_a_failure_has_its_reference_a_refusal_its_own_words_and_the_javascript_works_when_pasted(
    client: Page, model: FakeOpenAI
) -> None:
    model.plan = Plan(tokens=words("word"), fault=Fault.CUT, at=5)
    send(client, "a river")
    expect(
        client.get_by_text(re.compile(r"broke before the answer was complete.*\(reference [0-9a-f]{8}\)"))
    ).to_be_visible()
    model.plan = Plan(status=401)
    client.get_by_text("Plain text", exact=True).first.click()
    send(client, "a river")
    expect(client.get_by_text("Refused: The model's server did not accept the API key.")).to_be_visible()
    for number, call in enumerate(
        (
            ApiCall("", "/api/sse", (("topic", 'it\'s "rain"'),), "done"),
            ApiCall("", "/api/stream", (("topic", "rain"),), None),
        )
    ):
        model.plan = Plan(tokens=[f"pasted{number}", " and", " run"])
        client.evaluate(f"async () => {{ {javascript(call)} }}")
        expect(client.locator("body")).to_contain_text(f"pasted{number} and run")

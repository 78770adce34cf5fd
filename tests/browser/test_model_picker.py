"""Several models in the browser: the picker, what it says of an endpoint, and which model gave an answer."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import FilePayload, Locator, Page, expect

from tests.support.accessibility import await_script
from tests.support.app_process import running_weir
from tests.support.browser_page import INPUT, choose, opened, send
from tests.support.fake_openai import FakeOpenAI, Fault, Plan, fake_openai


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[FakeOpenAI, FakeOpenAI]]:
    with fake_openai() as fast, fake_openai() as slow:
        fast.plan, slow.plan = Plan(tokens=["quick", " words"]), Plan(tokens=["slow", " words"], rate=20)
        yield fast, slow


@pytest.fixture(scope="module")
def url(servers: tuple[FakeOpenAI, FakeOpenAI], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    file: Path = tmp_path_factory.mktemp("models") / "weir.toml"
    addresses = zip(("fast", "slow", "down"), (servers[0].url, servers[1].url, "http://127.0.0.1:9/v1"), strict=True)
    file.write_text("".join(f"[models.{name}]\nbase_url = '{at}'\n" for name, at in addresses), encoding="utf-8")
    with running_weir(WEIR_CONFIG=str(file), WEIR_RETRIES="0", WEIR_ROUTER="local") as address:
        yield address


def picker(page: Page) -> Locator:
    return page.get_by_role("combobox", name="Model")


def figures(page: Page, name: str) -> Locator:
    return page.get_by_text(re.compile(rf"^{name} · first token"))


def test_a_conversation_is_asked_of_the_model_that_is_picked(
    page: Page, url: str, servers: tuple[FakeOpenAI, FakeOpenAI]
) -> None:
    fast, slow = servers
    opened(page, f"{url}/?model=slow")
    expect(picker(page)).to_have_value("slow")
    expect(page.get_by_text(f"slow at {slow.url.removeprefix('http://').removesuffix('/v1')}")).to_be_visible()
    send(page, "Why is it so?")
    expect(figures(page, "slow")).to_be_visible()
    choose(page, "Model", "fast")
    send(page, "And what of it?")
    expect(figures(page, "fast")).to_be_visible()
    assert [message["content"] for message in fast.answers[-1].body["messages"][-3:]] == [
        "Why is it so?",
        "slow words",
        "And what of it?",
    ]
    page.get_by_role("button", name="Regenerate with …").last.click()
    page.get_by_text("slow", exact=True).last.click()
    expect(figures(page, "slow")).to_have_count(2)
    expect(page.get_by_text("2 / 2")).to_be_visible()
    page.reload()
    expect(picker(page)).to_have_value("fast")
    expect(figures(page, "slow")).to_have_count(2)
    choose(page, "Model", "down")
    expect(page.get_by_text("down cannot answer: 127.0.0.1:9 cannot be reached")).to_be_visible()
    page.get_by_role("button", name="New chat").click()
    expect(page).to_have_url(re.compile(r"\?model=down$"))
    expect(picker(page)).to_have_value("down")
    page.get_by_role("link", name="Structured output").click()
    expect(page).to_have_url(re.compile(r"/partial_json\?model=down$"))
    expect(picker(page)).to_have_value("down")
    choose(page, "Model", "slow")
    page.get_by_role("link", name="Chat").click()
    expect(page).to_have_url(re.compile(r"/\?model=slow$"))
    expect(picker(page)).to_have_value("slow")
    page.go_back()
    page.go_back()
    expect(page).to_have_url(re.compile(r"/partial_json"))


@pytest.mark.parametrize(
    ("path", "question"), [("story", "rain"), ("partial_json", "rain"), ("events?chain=story", "rain")]
)
def test_a_link_opens_a_page_with_its_model(
    page: Page, url: str, servers: tuple[FakeOpenAI, FakeOpenAI], path: str, question: str
) -> None:
    _, slow = servers
    before = len(slow.seen)
    joined = "&" if "?" in path else "?"
    opened(page, f"{url}/{path}{joined}model=slow")
    expect(picker(page)).to_have_value("slow")
    send(page, question)
    expect(page.get_by_text(re.compile("First token|Done")).first).to_be_visible()
    assert len(slow.seen) == before + 1


def test_a_model_is_tried_before_a_topic_until_stop_and_then_by_its_popover(
    page: Page, url: str, servers: tuple[FakeOpenAI, FakeOpenAI]
) -> None:
    fast, _ = servers
    fast.recover()
    fast.able, fast.plan = None, Plan(tokens=["{"], structured_tokens=["{"], fault=Fault.STALL)
    opened(page, f"{url}/partial_json?model=fast")
    abilities = page.locator(".st-key-model_abilities").get_by_role("button")
    expect(abilities).to_have_text(re.compile("abilities not tried"))
    send(page, "rain")
    expect(page.get_by_text("Trying once whether fast keeps to a JSON Schema")).to_be_visible()
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.locator(INPUT)).to_have_value("rain")
    assert len(fast.seen) == 1
    fast.able, fast.plan = frozenset({"tools", "json_schema"}), Plan(tokens=["quick", " words"])
    abilities.click()
    page.get_by_role("button", name="Try", exact=True).click()
    expect(page.get_by_text("It keeps to a JSON Schema.")).to_be_visible()
    expect(abilities).to_have_text(re.compile("tools · JSON Schema"))
    page.get_by_role("link", name="What was sent and answered").click()
    expect(page.get_by_text(re.compile("trial.*Done")).first).to_be_visible()


def test_a_race_of_models_names_the_winner(page: Page, url: str, servers: tuple[FakeOpenAI, FakeOpenAI]) -> None:
    servers[1].plan = Plan(tokens=["slow", " words"], delay=1.0)
    opened(page, f"{url}/story?view=Race&model=fast")
    page.get_by_text("Models", exact=True).click()
    page.get_by_role("button", name="down", exact=True).click()
    page.get_by_role("button", name="Model", exact=True).click()
    expect(page.get_by_label("Save these options as")).to_be_visible()
    await_script(page)
    page.get_by_label("Stop at").click()
    page.keyboard.type("###")
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    send(page, "rain")
    won = page.get_by_role("heading", name=re.compile(r"^fast had the first word after .* fast ended first"))
    expect(won).to_be_visible()
    expect(page.get_by_text("quick words")).to_be_visible()
    assert servers[0].seen[-1].body["stop"] == ["###"]
    page.reload()
    expect(won).to_be_visible()


def test_models_are_measured_until_stop(page: Page, url: str, servers: tuple[FakeOpenAI, FakeOpenAI]) -> None:
    servers[1].plan = Plan(tokens=["w "] * 20, rate=10)
    page.goto(f"{url}/story?view=Measure&model=slow")
    view = page.get_by_role("main")
    expect(view.get_by_text("Sends 25 requests to 1 model, 1, 4, 16 at once")).to_be_visible()
    view.get_by_role("button", name="Measure", exact=True).click()
    expect(view.get_by_text("requests · slow: 1 at once")).to_be_visible()
    expect(view.get_by_text(re.compile("^[2-9] of 25 requests"))).to_be_visible()
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(view.get_by_text("It was stopped: these are the figures until then.")).to_be_visible()
    with page.expect_download() as saved:
        view.get_by_role("button", name="Measurement").click()
    view.get_by_text("Compare with an earlier measurement").click()
    file: FilePayload = {"name": "then.json", "mimeType": "application/json", "buffer": saved.value.path().read_bytes()}
    view.locator("input[type=file]").set_input_files(file)
    expect(view.get_by_text("Compared with")).to_be_visible()
    assert servers[1].seen[-1].ended.wait(30)

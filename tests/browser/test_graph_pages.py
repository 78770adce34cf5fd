"""Graphs and agents on the Inspector: each card, stopped anywhere, asked, restarted, resumed and forked."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from playwright.sync_api import BrowserContext, Page, WebSocketRoute, expect

from tests.support.accessibility import await_script, faults
from tests.support.agent_recording import QUESTION, TURNS, words
from tests.support.app_process import free_port, weir_process, with_preloaded_streamlit
from tests.support.browser_page import opened, send
from tests.support.fake_openai import FakeOpenAI, Plan

SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")


def view(page: Page, name: str) -> None:
    page.get_by_test_id("stButtonGroup").get_by_text(name, exact=True).click()
    await_script(page)


def held_back(page: Page, is_late: Callable[[bytes], bool]) -> list[tuple[WebSocketRoute, bytes]]:
    """Keep the first message that `is_late` from the browser; return the list that gets it, with its connection."""
    late: list[tuple[WebSocketRoute, bytes]] = []

    def forward(connection: WebSocketRoute) -> None:
        def pass_on(message: str | bytes) -> None:
            if isinstance(message, bytes) and not late and is_late(message):
                late.append((connection, message))
            else:
                connection.send(message)

        connection.connect_to_server().on_message(pass_on)

    page.route_web_socket(re.compile("_stcore/stream"), forward)
    return late


def test_an_agent_has_each_card_and_is_stopped_anywhere(page: Page, weir_url: str, model: FakeOpenAI) -> None:
    model.plan = Plan(turns=TURNS)
    opened(page, f"{weir_url}/events?chain=agent")
    send(page, QUESTION)
    expect(page.get_by_text(re.compile(r"agent.*Done.*thought"))).to_be_visible()
    await_script(page)
    waterfall = page.get_by_role("tree")
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        assert faults(page) == []
    group = waterfall.get_by_role("treeitem", name="tools × 3")
    expect(group).to_have_attribute("aria-expanded", "false")
    group.click()
    expect(waterfall.get_by_role("treeitem", name="calculate")).to_have_count(2)
    models = waterfall.get_by_role("treeitem", name="model × 3")
    box = models.bounding_box()
    assert box
    # Its first call: it waits, thinks and writes a tool call.
    models.hover(position={"x": box["width"] - 110, "y": box["height"] / 2})
    expect(page.locator(".tip").get_by_text("model × 3")).to_be_visible()
    view(page, "Tools")
    expect(page.get_by_text(re.compile("^.*calculate failed · took"))).to_be_visible()
    expect(page.get_by_text(re.compile("^.*calculate done · took"))).to_be_visible()
    expect(page.get_by_text(re.compile("^.*weekday done · took"))).to_be_visible()
    expect(page.get_by_text('expression: "25 * 17"')).to_be_visible()
    assert faults(page) == []
    view(page, "State")
    expect(page.get_by_text("25 times 17 is 425").first).to_be_visible()
    page.get_by_text("The whole state after this step").click()
    expect(page.get_by_text(QUESTION).first).to_be_visible()
    assert faults(page) == []
    view(page, "Graph")
    expect(page.get_by_text(re.compile("model: visited 3 times"))).to_be_visible()
    page.set_viewport_size({"width": 390, "height": 800})
    view(page, "Data")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.set_viewport_size({"width": 1280, "height": 900})

    # In the middle of thinking, then of a call's arguments.
    for plan, name, seen in (
        (Plan(reasoning=words("hm " * 400), rate=20), "Data", "thinks"),
        (Plan(tool_calls=[("calculate", ['{"expression": "', *["1 + "] * 400])], rate=20), "Tools", "growing"),
    ):
        model.plan = plan
        send(page, "Stop me")
        view(page, name)
        expect(page.get_by_text(re.compile(seen)).first).to_be_visible()
        page.get_by_role("button", name="Stop").click()
        expect(page.get_by_text(re.compile("agent.*Stopped"))).to_be_visible()
        if name == "Tools":
            expect(page.get_by_text(re.compile(seen)).first).to_be_visible()
        else:
            view(page, "Text")
            expect(page.get_by_text("Thinking").first).to_be_visible()
        assert model.seen[-1].ended.wait(30)


def test_a_view_that_was_chosen_stays_while_its_address_is_under_way(
    page: Page, weir_url: str, model: FakeOpenAI
) -> None:
    late = held_back(page, lambda message: b"view=Tools" in message)
    model.plan = Plan(tokens=words("hm " * 400), rate=5)
    opened(page, f"{weir_url}/events?chain=agent&view=Text")
    send(page, "Go on")
    for _ in range(2):
        expect(page.get_by_text(re.compile("hm hm"))).to_be_visible()
        expect(page.get_by_role("radio", name="Text")).to_be_checked()
        page.reload()
    expect(page.get_by_text(re.compile("hm hm"))).to_be_visible()
    view(page, "Tools")
    expect(page.get_by_text("No model has called a tool in a stream.")).to_be_visible()
    # The run is drawn again by the old address, and has given the page the new one once more.
    expect(page).to_have_url(re.compile("view=Tools"))
    assert late
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_text(re.compile("agent.*Stopped"))).to_be_visible()
    expect(page.get_by_role("radio", name="Tools")).to_be_checked()


def test_a_view_that_is_chosen_while_the_next_run_begins_is_that_runs(
    page: Page, weir_url: str, model: FakeOpenAI
) -> None:
    is_slow = False
    late = held_back(page, lambda message: is_slow and b"&run=" in message)
    opened(page, f"{weir_url}/events?chain=agent&view=Tools")
    send(page, "First")
    expect(page.get_by_text(re.compile("agent.*Done"))).to_be_visible()
    await_script(page)
    # Its first drawing was overtaken by the one of its end.
    expect(page.get_by_role("radio", name="Tools")).to_be_checked()
    address = page.url
    is_slow = True
    model.plan = Plan(tokens=words("hm " * 400), rate=5)
    send(page, "Second")
    expect(page.get_by_text("Second")).to_be_visible()
    view(page, "Text")
    expect(page.get_by_text(re.compile("hm hm"))).to_be_visible()
    assert page.url == address
    [(connection, message)] = late
    connection.send(message)
    expect(page).to_have_url(re.compile("view=Text"))
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_text(re.compile("agent.*Stopped"))).to_be_visible()
    expect(page.get_by_text("Second")).to_be_visible()
    expect(page.get_by_role("radio", name="Text")).to_be_checked()


def test_a_graph_is_asked_restarted_resumed_and_forked(
    context: BrowserContext, page: Page, model_server: FakeOpenAI, tmp_path: Path
) -> None:
    environment = {
        "OPENAI_BASE_URL": model_server.url,
        "OPENAI_API_KEY": "sk-test",
        "OPENAI_MODEL": "fake",
        "WEIR_DATA": str(tmp_path),
        "WEIR_TEST_THREADS": str(tmp_path / "threads.sqlite"),
        "WEIR_CHAINS": "asking=tests.support.graph_chains:asking_on_disk, slow=tests.support.graph_chains:slow_agent",
    }
    port = free_port()
    with weir_process("", environment, port, with_preloaded_streamlit) as weir:
        opened(page, f"{weir.url}/events?chain=slow&view=Tools")
        send(page, '{"messages": [["user", "Find rivers"]]}')
        expect(page.get_by_text(re.compile("^.*search at work"))).to_be_visible()
        page.get_by_role("button", name="Stop").click()
        expect(page.get_by_text(re.compile("slow.*Stopped"))).to_be_visible()
        opened(page, f"{weir.url}/events?chain=asking&thread_id=river&recursion_limit=20")
        send(page, '{"topic": "water"}')
        expect(page.get_by_text("Is this right?")).to_be_visible()
        page.close()
    with weir_process("", environment, port, with_preloaded_streamlit) as weir:
        page = opened(context.new_page(), f"{weir.url}/events?chain=asking&thread_id=river")
        expect(page.get_by_text("Is this right?")).to_be_visible()
        page.get_by_label("Answer").fill("fine")
        page.get_by_label("Answer").press("Enter")
        page.get_by_role("button", name="Resume").click()
        expect(page.get_by_text(re.compile("asking.*Done"))).to_be_visible()
        view(page, "State")
        page.get_by_text("The whole state after this step").click()
        expect(page.get_by_text('"answered fine"').first).to_be_visible()
        page.get_by_role("button", name="Run again from here").click()
        expect(page.get_by_role("button", name="End the comparison")).to_be_visible()
        expect(page.get_by_text(re.compile("asking · Waiting for a person"))).to_be_visible()
        expect(page.get_by_text(re.compile("asking · Done"))).to_be_visible()

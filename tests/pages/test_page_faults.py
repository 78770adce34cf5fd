"""What a person reads of each fault on each page, and that asking once more mends it."""

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest
from streamlit.testing.v1 import AppTest

from pages.components.session import app_services
from pages.components.session.app_services import close_services, service
from tests.support.app_test import ask, open_app, press, sentences
from tests.support.fake_openai import FakeOpenAI, Plan, fake_openai
from tests.support.faults import FAULTS, ModelFault
from weir.analysis.outcome import AnswerStatus
from weir.config.capabilities import Capabilities
from weir.config.settings import settings
from weir.llm.provider import ModelProvider
from weir.runs.failure_sentences import FailureKind
from weir.runs.methods import Method

# All by one worker: they share the app's services.
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("page faults")]

ALIKE = ("429: come back at once", "429: come back in 100 s", "503: overloaded")
"""What a page shows no differently from others of the table."""
HERE = tuple(fault for fault in FAULTS if not (fault.url or fault.is_huge or fault.name in ALIKE))
OPENS, CLOSES = '{"name": "', '", "occupation": "gauge", "age": 9, "skills": ["a"], "bio": "b"}'
"""What makes a document of words."""
WELL = Plan(tokens=["All", " is well."])
SILENT_FROM_THE_START, SILENT_LATER = 0.3, 1.0
"""Seconds of waiting for a model that is silent. A busy machine gets time for the tokens that come before, and for all
else the services' own timeout."""


@dataclass(frozen=True, slots=True)
class Room:
    """A page that shows how a run ended."""

    file: str
    again: str
    """What the button that runs the chain once more is called."""
    takes_json: bool = False

    def have(self, model: FakeOpenAI, plan: Plan) -> None:
        """Have the model answer by this plan, in the form that the page asks for."""
        words = plan.tokens[1:]
        model.plan = plan
        if self.takes_json:
            model.structured = replace(plan, tokens=[OPENS, *words, CLOSES] if words else [])

    def shows(self, plan: Plan, kept: int | None = None) -> str:
        """Return what of so many of the tokens stands on the page itself; events and documents have their own views."""
        return "" if self.file in ("events.py", "partial_json.py") else "".join(plan.tokens[:kept]).strip()


ROOMS = {
    "chat": Room("", "Retry"),
    "story": Room("story.py", "Retry"),
    "events": Room("events.py", "Run again"),
    "JSON": Room("partial_json.py", "Retry", takes_json=True),
}


ONE_OF_EACH = tuple({(fault.kind, fault.mark, fault.kept): fault for fault in HERE}.values())
"""One of the faults that end alike."""
CASES = [
    pytest.param(room, fault, id=f"{name}-{fault.name}")
    for name, room in ROOMS.items()
    for fault in (HERE if name == "chat" else ONE_OF_EACH)
]


@pytest.fixture(scope="module")
def lasting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeOpenAI]:
    """The app's services and their model, for all tests: each test is a visitor of its own."""
    with fake_openai() as model, pytest.MonkeyPatch.context() as patch:
        patch.setenv("WEIR_DATA", str(tmp_path_factory.mktemp("data")))
        patch.setenv("OPENAI_BASE_URL", model.url)
        patch.setenv("OPENAI_API_KEY", "sk-test")
        patch.setenv("OPENAI_MODEL", "fake")
        patch.setenv("WEIR_TIMEOUT", "20")
        patch.setenv("WEIR_RETRIES", "0")
        settings.cache_clear()
        close_services()
        yield model
        close_services()
    settings.cache_clear()


@pytest.fixture
def model(lasting: FakeOpenAI) -> FakeOpenAI:
    lasting.recover()
    return lasting


@pytest.fixture(scope="module")
def soon_tired(lasting: FakeOpenAI) -> Iterator[dict[float, ModelProvider]]:
    """Providers of the same model that wait for it only so many seconds."""
    # The services read now what is known of the model: they try it themselves.
    loop = service().loop
    by_seconds = {
        seconds: ModelProvider(settings().model_copy(update={"idle_timeout_seconds": seconds}))
        for seconds in (SILENT_FROM_THE_START, SILENT_LATER)
    }
    for models in by_seconds.values():
        # A trial of what the model can do would have no longer.
        models.keep_capabilities(Capabilities(tools=True, json_schema=True))
    yield by_seconds
    for models in by_seconds.values():
        loop.submit(models.aclose()).result(timeout=60)


@contextlib.contextmanager
def waiting_briefly(fault: ModelFault, soon_tired: dict[float, ModelProvider]) -> Iterator[None]:
    """Have the services wait briefly for a model that is silent."""
    if fault.kind is not FailureKind.TIMEOUT:
        yield
        return
    models = soon_tired[SILENT_LATER if fault.kept else SILENT_FROM_THE_START]
    services = replace(service(), models=models)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(app_services, "_build", lambda: services)
        yield


def shown(opened: AppTest, room: Room) -> str:
    """Return the sentences of the page once its run has ended."""
    if room.file == "events.py":
        run_id = str(opened.query_params["run"])
        assert service().recorder.store.get(run_id).wait(30)
        opened.run()
    assert not opened.exception
    return sentences(opened)


@pytest.mark.parametrize(("room", "fault"), CASES)
def test_a_fault_is_shown_and_another_try_mends_it(
    room: Room, model: FakeOpenAI, soon_tired: dict[float, ModelProvider], fault: ModelFault
) -> None:
    room.have(model, fault.plan)
    opened = open_app(room.file)
    with waiting_briefly(fault, soon_tired):
        ask(opened, "topic")
        before = shown(opened, room)
    if fault.mark is not AnswerStatus.DONE:
        assert re.search(rf"\b{fault.mark.value}\b", before)
    assert room.shows(fault.plan, fault.kept) in before
    if fault.kind is None:
        return
    assert fault.kind.message in before
    assert fault.kind.hint in before
    room.have(model, WELL)
    press(opened, room.again)
    after = shown(opened, room)
    assert room.shows(WELL) in after
    assert room.file not in ("events.py", "partial_json.py") or re.search(r"\bDone\b", after)
    assert fault.kind.message not in after


@pytest.mark.parametrize("name", ["cut in the middle", "silent in the middle"])
def test_a_story_shows_it_whichever_method_runs_it(
    model: FakeOpenAI, soon_tired: dict[float, ModelProvider], name: str
) -> None:
    fault = next(fault for fault in HERE if fault.name == name)
    assert fault.kind
    opened = open_app("story.py")
    for method in Method:
        (choice,) = (box for box in opened.selectbox if box.label == "LangChain method")
        choice.set_value(method).run()
        model.plan = fault.plan
        with waiting_briefly(fault, soon_tired):
            ask(opened, f"by {method.label}")
        before = sentences(opened)
        assert fault.kind.message in before
        assert not method.streams or "".join(fault.plan.tokens[: fault.kept]).strip() in before
        model.plan = WELL
        press(opened, "Retry")
        after = sentences(opened)
        assert "All is well." in after
        assert fault.kind.message not in after

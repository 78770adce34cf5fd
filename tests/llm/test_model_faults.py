"""Every fault of the table, recorded: what is said and kept, that it ends in time, and that the next run is well."""

import contextlib
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest

from chains.smart_router import smart_router
from chains.story_chain import story_chain
from chains.structured import structured_chain
from tests.support.fake_openai import FakeOpenAI, Fault, Plan, fake_openai
from tests.support.faults import BLOCKS, FAULTS, WORDS, ModelFault, names
from weir.analysis.answer_reader import answer_text
from weir.analysis.metrics import custom_event, run_metrics
from weir.analysis.outcome import AnswerStatus, Outcome, outcome
from weir.config.settings import Settings
from weir.llm.abortable_client import AbortableConnections
from weir.llm.chat_model import ModelOptions, chat_model, configured_endpoint
from weir.runs.background_loop import BackgroundLoop
from weir.runs.failure_sentences import FailureKind
from weir.runs.methods import Method
from weir.runs.recorder import Recorder
from weir.runs.run import Run, Status
from weir.runs.run_store import MemoryStore

TIMEOUT = 0.6
"""Seconds of waiting for a model that is silent."""
LONG = 20.0
"""The timeout of what takes a busy machine a while."""
IN_TIME = 50.0
"""Seconds; enough for a busy machine, and too few for a client that waits where a server asks it to."""
STORY = {"topic": "water", "words": 100, "tone": "calm"}
WELL = "Once upon a time."
SMALL = tuple(fault for fault in FAULTS if not fault.is_huge)
HUGE = tuple(fault for fault in FAULTS if fault.is_huge)
RECORD_MB = Settings.model_fields["record_mb"].default


class Asker:
    """Asks a server's model in a chain, and waits."""

    def __init__(self, recorder: Recorder, http: httpx2.AsyncClient, server: FakeOpenAI) -> None:
        self._recorder = recorder
        self._http = http
        self.server = server
        self.retries = 0
        self.timeout = TIMEOUT

    def of(self, server: FakeOpenAI) -> "Asker":
        """Return one who asks another server."""
        return Asker(self._recorder, self._http, server)

    def befall(self, fault: ModelFault) -> None:
        """Have a fault happen to the next answers. If it is not silence, a busy machine gets its time."""
        fault.befall(self.server)
        self.timeout = TIMEOUT if fault.kind is FailureKind.TIMEOUT else LONG

    def settings(self, url: str | None) -> Settings:
        given = {"OPENAI_BASE_URL": url or self.server.url, "OPENAI_API_KEY": "sk-test", "WEIR_RETRIES": self.retries}
        return Settings.model_validate(given | {"WEIR_TIMEOUT": self.timeout})

    def story(self, url: str | None = None, method: Method = Method.ASTREAM_EVENTS) -> Run:
        chosen, line = self.settings(url), None if method.is_async else AbortableConnections()
        options = ModelOptions(streaming=method.needs_streaming_model or None)
        model = chat_model(configured_endpoint(chosen), chosen, self._http, options=options, connections=line)
        return self._ended(self._recorder.start(story_chain(model), STORY, method=method, connections=line))

    def answer(self, url: str | None = None) -> Run:
        chosen = self.settings(url)
        model = chat_model(configured_endpoint(chosen), chosen, self._http)
        return self._ended(self._recorder.start(smart_router(model), {"question": "?", "history": []}))

    def profile(self) -> Run:
        chosen = self.settings(None)
        model = chat_model(configured_endpoint(chosen), chosen, self._http)
        return self._ended(self._recorder.start(structured_chain(model), {"topic": "water"}))

    def _ended(self, run: Run) -> Run:
        assert run.wait(LONG + 10)
        return run


@pytest.fixture
def asker(recorder: Recorder, http: httpx2.AsyncClient, openai_server: FakeOpenAI) -> Asker:
    return Asker(recorder, http, openai_server)


def said_of(run: Run) -> Outcome:
    return outcome(run, run_metrics(run.events))


def check(run: Run, fault: ModelFault) -> None:
    result = said_of(run)
    assert (result.status, result.kind) == (fault.mark, fault.kind)
    assert answer_text(run.events) == fault.text
    assert result.usable_as_history is fault.is_answer
    assert ("kept" in result.hint) is (fault.mark is AnswerStatus.CUT_OFF)
    opened = [event.run_id for event in run.events if event.event.endswith("_start")]
    closed = [event.run_id for event in run.events if event.event.endswith(("_end", "_error"))]
    assert sorted(opened) == sorted(closed)


@pytest.mark.parametrize("fault", SMALL, ids=names(SMALL))
def test_a_fault_is_told_in_time_and_a_retry_is_well(asker: Asker, fault: ModelFault) -> None:
    asker.befall(fault)
    asker.retries = 2
    began = time.monotonic()
    run = asker.story(fault.url)
    assert time.monotonic() - began < IN_TIME
    check(run, fault)
    asker.server.plan, asker.timeout = Plan(tokens=[WELL]), LONG
    again = asker.story()
    assert (said_of(again).status, answer_text(again.events)) == (AnswerStatus.DONE, WELL)


@pytest.mark.slow
@pytest.mark.parametrize("fault", HUGE, ids=names(HUGE))
def test_a_huge_answer_is_recorded_whole(
    loop: BackgroundLoop, http: httpx2.AsyncClient, openai_server: FakeOpenAI, fault: ModelFault
) -> None:
    fault.befall(openai_server)
    asker = Asker(Recorder(MemoryStore(budget=int(RECORD_MB * 1e6)), loop), http, openai_server)
    asker.timeout = LONG
    check(asker.story(), fault)


@pytest.mark.slow
def test_an_answer_that_outgrows_the_record_ends_there_and_is_kept_so_far(asker: Asker) -> None:
    asker.server.plan = Plan(tokens=BLOCKS)
    asker.timeout = LONG
    run = asker.story()
    result = said_of(run)
    assert (result.status, result.kind) == (AnswerStatus.CUT_OFF, FailureKind.RECORD_FULL)
    assert "".join(BLOCKS).startswith(answer_text(run.events))
    # The event that no longer fits is recorded still; the last ones hold the whole text.
    assert run.size < 50e6 + 2 * len(answer_text(run.events))
    asker.server.plan = Plan(tokens=[WELL])
    assert answer_text(asker.story().events) == WELL


STREAMING = [method for method in Method if method.streams and method is not Method.ASTREAM_EVENTS]


def stories_after_each(asker: Asker, method: Method) -> Iterator[tuple[ModelFault, Run]]:
    """Yield each fault with the run that it befell. Silent models are waited for at once, each a server of its own."""
    silent = [fault for fault in SMALL if fault.kind is FailureKind.TIMEOUT]
    with contextlib.ExitStack() as stack:
        askers = [asker.of(stack.enter_context(fake_openai())) for _ in silent]
        pool = stack.enter_context(ThreadPoolExecutor())
        for one, fault in zip(askers, silent, strict=True):
            one.befall(fault)
        yield from zip(silent, pool.map(lambda one: one.story(method=method), askers), strict=True)
    for fault in SMALL:
        if fault not in silent:
            asker.befall(fault)
            yield fault, asker.story(fault.url, method)


@pytest.mark.parametrize("method", STREAMING)
def test_every_method_that_streams_tells_the_same(asker: Asker, method: Method) -> None:
    for fault, run in stories_after_each(asker, method):
        assert run.status is not Status.RUNNING, fault.name
        check(run, fault)


def test_a_method_that_waits_for_the_whole_keeps_all_or_nothing(asker: Asker) -> None:
    for fault, run in stories_after_each(asker, Method.INVOKE):
        result = said_of(run)
        assert answer_text(run.events) in ("", "".join(fault.plan.tokens)), fault.name
        assert result.kind is None if fault.kind is None else result.kind is not None, fault.name
        assert result.usable_as_history is fault.is_answer, fault.name


HOPELESS = {
    FailureKind.UNREACHABLE,
    FailureKind.AUTHENTICATION,
    FailureKind.PERMISSION,
    FailureKind.NOT_FOUND,
    FailureKind.RATE_LIMIT,
    FailureKind.CUT,
    FailureKind.TIMEOUT,
    FailureKind.ENCODED,
    FailureKind.REDIRECTED,
    FailureKind.WEB_PAGE,
    FailureKind.OTHER_FORMAT,
}
"""What befalls a classification and would befall the answer too."""


@pytest.mark.parametrize("fault", SMALL, ids=names(SMALL))
def test_a_classification_that_fails_is_survived_or_says_why(asker: Asker, fault: ModelFault) -> None:
    asker.befall(fault)
    asker.server.plan, asker.server.structured = Plan(tokens=WORDS), fault.plan
    run = asker.answer(fault.url)
    decision = custom_event(run.events, "route")
    if fault.kind in HOPELESS:
        assert said_of(run).kind is fault.kind
        assert decision is None
    else:
        assert decision["fallback"]
        assert (said_of(run).status, answer_text(run.events)) == (AnswerStatus.DONE, "".join(WORDS))


JSON_TOKENS = ['{"name": ', '"Weir", ', '"occupation": ', '"gauge"']


@pytest.mark.parametrize(
    ("plan", "kind"),
    [
        (Plan(refusal="I can't help with that."), FailureKind.REFUSAL),
        (Plan(tokens=JSON_TOKENS, finish_reason="length"), FailureKind.LENGTH),
        (Plan(tokens=JSON_TOKENS, finish_reason="content_filter"), FailureKind.CONTENT_FILTER),
        (Plan(tokens=JSON_TOKENS, fault=Fault.CUT, at=2), FailureKind.CUT),
        (Plan(tokens=JSON_TOKENS, fault=Fault.STALL, at=2), FailureKind.TIMEOUT),
        (Plan(tokens=JSON_TOKENS, fault=Fault.BAD_BYTES, at=2), FailureKind.MALFORMED),
        (Plan(tokens=JSON_TOKENS, fault=Fault.NO_OBJECT, at=2), FailureKind.MALFORMED),
        (Plan(tokens=[]), FailureKind.EMPTY),
        (Plan(status=500), FailureKind.SERVER),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_a_structured_answer_that_goes_wrong_says_why(asker: Asker, plan: Plan, kind: FailureKind) -> None:
    asker.server.structured, asker.timeout = plan, TIMEOUT if kind is FailureKind.TIMEOUT else LONG
    run = asker.profile()
    assert said_of(run).kind is kind
    assert not said_of(run).usable_as_history or kind is FailureKind.LENGTH


def test_a_server_that_asks_to_wait_longer_than_weir_may_is_not_asked_again(asker: Asker) -> None:
    asker.retries, asker.timeout = 2, LONG
    asker.server.plan = Plan(status=429, headers={"retry-after": "30"})
    assert "Retry-After: 30" in said_of(asker.story()).detail
    asker.server.plan = Plan(status=503, headers={"retry-after": "Fri, 31 Dec 2999 23:59:59 GMT"})
    assert said_of(asker.story()).kind is FailureKind.SERVER
    assert len(asker.server.seen) == 2


def test_a_server_that_asks_to_wait_a_little_is_asked_again(asker: Asker) -> None:
    asker.retries, asker.timeout = 2, LONG
    asker.server.plan = Plan(status=429, headers={"retry-after-ms": "50"})
    asker.story()
    assert len(asker.server.seen) == 3


def after_a_first_refusal(asker: Asker, method: Method, plan: Plan) -> Run:
    """Have the first try be asked to wait for 1.5 s of 2.5, and the second meet the plan."""
    asker.retries, asker.timeout = 2, 2.5

    def meet() -> None:
        while not asker.server.seen:
            time.sleep(0.01)
        asker.server.plan = plan

    asker.server.plan = Plan(status=503, headers={"retry-after": "1.5"})
    meeting = threading.Thread(target=meet)
    meeting.start()
    run = asker.story(method=method)
    meeting.join()
    return run


@pytest.mark.parametrize("method", [Method.ASTREAM_EVENTS, Method.STREAM])
def test_all_tries_together_wait_for_an_answer_no_longer_than_one_may(asker: Asker, method: Method) -> None:
    run = after_a_first_refusal(asker, method, Plan(fault=Fault.SILENT))
    assert said_of(run).kind is FailureKind.TIMEOUT
    assert len(asker.server.seen) == 2


@pytest.mark.parametrize("method", [Method.ASTREAM_EVENTS, Method.STREAM])
def test_a_later_try_that_is_answered_has_its_full_time(asker: Asker, method: Method) -> None:
    run = after_a_first_refusal(asker, method, Plan(tokens=[WELL], delay=1.5))
    assert answer_text(run.events) == WELL


@pytest.mark.parametrize("method", [Method.ASTREAM_EVENTS, Method.STREAM])
def test_a_request_that_ran_out_of_time_is_not_sent_again(asker: Asker, method: Method) -> None:
    asker.retries = 2
    asker.server.plan = Plan(fault=Fault.SILENT)
    assert said_of(asker.story(method=method)).kind is FailureKind.TIMEOUT
    assert len(asker.server.seen) == 1


def test_what_a_model_says_to_refuse_is_shown(asker: Asker) -> None:
    asker.server.plan, asker.timeout = Plan(refusal="I can't help with that."), LONG
    for method in Method:
        assert said_of(asker.story(method=method)).detail.strip() == "I can't help with that."

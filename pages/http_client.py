"""The *API client* page: call Weir's own API from the browser, and see each frame."""

import uuid
from enum import StrEnum
from urllib.parse import urlsplit

import streamlit as st

from chains.registry import MAX_TEXT, prepare_story
from chains.story_chain import Length, Tone
from pages.components.answer.answer_view import AnswerState
from pages.components.http_client import snippets
from pages.components.http_client.event_source import event_source
from pages.components.http_client.snippets import ApiCall
from pages.components.layout.model_status import ModelStatus
from pages.components.layout.page_css import DOCS
from pages.components.layout.page_frame import page_title
from pages.components.layout.translation import N_, _
from pages.components.session import run_links, run_start
from pages.components.session.app_services import service
from pages.components.session.current_user import current_caller
from pages.components.session.sign_in import providers
from weir.access.limits import LimitReachedError
from weir.access.tickets import issue_ticket
from weir.llm.chain_registry import ModelNotReadyError

IDEAS = ["A robot learning to cook", "A lighthouse that answers letters"]


class Endpoint(StrEnum):
    SSE = N_("Server-sent events")
    EVENTS = N_("Every event of a run")
    TEXT = N_("Plain text")


DESCRIPTIONS = {
    Endpoint.SSE: N_("`GET /api/sse` sends the text as messages for a native EventSource, then `done`."),
    Endpoint.EVENTS: N_(
        "`GET /api/runs/{id}/events` sends every LangChain event of a run, live or recorded, then `end`."
    ),
    Endpoint.TEXT: N_("`GET /api/stream` sends the text as it is, chunk by chunk, for curl and fetch."),
}


def api_is_closed() -> bool:
    return service().settings.needs_token or bool(providers())


def api_call(endpoint: Endpoint, topic: str) -> ApiCall:
    needs_token = api_is_closed()
    origin = "{0.scheme}://{0.netloc}".format(urlsplit(st.context.url or "http://localhost:8501"))
    query = (("topic", topic), ("length", str(Length.SHORT)))
    if endpoint is Endpoint.SSE:
        return ApiCall(origin, "/api/sse", query, "done", needs_token)
    if endpoint is Endpoint.TEXT:
        return ApiCall(origin, "/api/stream", query, None, needs_token)
    return ApiCall(origin, f"/api/runs/{st.session_state.http_run.run_id}/events", (), "end", needs_token)


def ask(topic: str) -> None:
    st.session_state.http_topic = topic
    st.session_state.http_run = run_start.PendingRun()
    begin_round()


def begin_round() -> None:
    st.session_state.http_round = st.session_state.get("http_round", 0) + 1
    st.session_state.http_connection = str(uuid.uuid4())
    st.session_state.http_refused = service().limits.limit_error(current_caller())
    ticket = issue_ticket(service().settings, current_caller().visitor) if api_is_closed() else None
    st.session_state.http_ticket = ticket


def start_run(topic: str) -> None:
    try:
        prepared = prepare_story(service().models, topic, Length.SHORT, Tone.WARM)
    except ModelNotReadyError:
        st.info(_("No model is ready yet; try again in a moment."), icon=":material/hourglass:")
        st.stop()
    try:
        run_start.start(prepared, on_start=st.session_state.http_run.note)
    except LimitReachedError as reached:
        run_start.draw_retry(reached, key="http")
        st.stop()


def can_stop_run() -> bool:
    run = AnswerState(st.session_state.http_run.run_id).run()
    return run is None or run.can_stop(current_caller().visitor)


def with_ticket(address: str, **more: str) -> str:
    ticket = {"ticket": st.session_state.http_ticket} if st.session_state.http_ticket else {}
    added = "&".join(f"{key}={value}" for key, value in (more | ticket).items())
    return f"{address}{'&' if '?' in address else '?'}{added}" if added else address


st.set_page_config(layout="wide")
if "http_topic" not in st.session_state:
    st.session_state.http_topic = None
    st.session_state.http_run = run_start.PendingRun()
    if linked := run_links.find_run():
        st.session_state.http_topic, st.session_state.http_run = linked.name, run_start.PendingRun(linked.id)
        st.session_state.http_way = Endpoint.EVENTS
        begin_round()

if typed := (st.chat_input(_("What should the story be about?"), key="http_input", max_chars=MAX_TEXT) or "").strip():
    ask(typed)
with st.bottom:
    model_line = ModelStatus()

page_title(_("API client"))
with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
    endpoint = st.segmented_control(
        _("Endpoint"),
        list(Endpoint),
        format_func=_,
        default=Endpoint.SSE,
        required=True,
        key="http_way",
        on_change=begin_round,
        wrap=True,
    )
    raw = (
        st.toggle(_("Raw bytes"), key="http_raw", on_change=begin_round, disabled=endpoint is Endpoint.TEXT)
        or endpoint is Endpoint.TEXT
    )
# Not a caption: code and links in one are too pale to be read.
st.markdown(f":small[{_(DESCRIPTIONS[endpoint])} {_('Every operation:')} [{DOCS}]({DOCS})]")

topic: str | None = st.session_state.http_topic
with st.empty():
    if topic is None:
        with st.container():
            st.markdown(
                _(
                    "Type a topic below: this browser calls Weir's API and shows each frame as it arrives. "
                    "Then break the connection and see the stream resume from `Last-Event-ID`."
                )
            )
            for idea in IDEAS:
                st.button(idea, icon=":material/lightbulb:", key=f"http-idea-{idea}", on_click=ask, args=(idea,))
model_line.await_model()
if topic is None:
    st.stop()

st.text(topic)
# A script cannot read the body of a refused EventSource request, so the page draws the reason itself.
if (limit := st.session_state.http_refused) and (
    endpoint is not Endpoint.EVENTS or st.session_state.http_run.run_id is None
):
    run_start.draw_retry(limit, key="http", again=begin_round)
    st.stop()
if endpoint is Endpoint.EVENTS and st.session_state.http_run.run_id is None:
    start_run(topic)
call = api_call(endpoint, topic)
event_source(
    url=with_ticket(call.address)
    if endpoint is Endpoint.TEXT
    else with_ticket(call.address, connection=st.session_state.http_connection),
    kind="plain" if endpoint is Endpoint.TEXT else "events" if endpoint is Endpoint.EVENTS else "text",
    reader="fetch" if raw else "EventSource",
    round_number=st.session_state.http_round,
    ticks_url=with_ticket("/api/ticks?count=10"),
    break_url=with_ticket(f"/api/connections/{st.session_state.http_connection}/break"),
    run_id=st.session_state.http_run.run_id if endpoint is Endpoint.EVENTS else None,
    ticket=st.session_state.http_ticket,
    may_stop=endpoint is not Endpoint.EVENTS or can_stop_run(),
    again=begin_round,
)

shell, script, program = st.tabs(["curl", "JavaScript", "Python"])
shell.code(snippets.curl(call), language="bash", wrap_lines=True)
script.code(snippets.javascript(call), language="javascript", wrap_lines=True)
program.code(snippets.python(call), language="python", wrap_lines=True)

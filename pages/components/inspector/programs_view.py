"""Programs that send their runs: what each is, whether it is there, and what it has sent (docs/attach.md)."""

import time
from collections.abc import Sequence

import streamlit as st

from pages.components.chat.date_groups import zone
from pages.components.inspector.run_list_state import show_first_page
from pages.components.layout import formatting
from pages.components.layout.translation import N_, _, digits, ngettext
from pages.components.session.my_runs import may_see_programs, show_programs
from weir.runs.attached_program import Program, ProgramState
from weir.text.invisible_characters import replace_invisible

PROGRAMS_KEY = "runs_programs"
"""Key of the filter's widget for programs."""

MAX_GONE = 20

LANGSMITH_NOTE = N_(
    "It sends the tree and the time of the first token, not what streamed. With weir attach, a Python program sends "
    "every token."
)
"""Of a run that came through LangSmith's client, where one would look for its tokens."""

_BADGES = {
    ProgramState.LIVE: N_(":green-badge[:material/sensors: live]"),
    ProgramState.LOST: N_(":orange-badge[:material/cloud_off: lost contact]"),
    ProgramState.QUIET: N_(":gray-badge[:material/bedtime: quiet]"),
    ProgramState.ENDED: N_(":gray-badge[:material/check: ended]"),
}


def draw_programs(programs: Sequence[Program]) -> None:
    """Draw the programs, those that are live first; nothing where there is none."""
    live = [program for program in programs if program.state is ProgramState.LIVE]
    gone = [program for program in programs if program.state is not ProgramState.LIVE]
    if live:
        with st.container(border=True, gap="xsmall", key="programs"):
            with st.container(horizontal=True, vertical_alignment="center"):
                st.markdown(_("**Programs** · {count} live").format(count=digits(len(live))), width="content")
                # There on a phone only, where what is known of the programs is folded (page_layout.css).
                with st.container(key="programs_details", width="content"):
                    st.toggle(_("Details"), key="programs_are_unfolded")
            for program in live:
                _draw_program(program)
    if gone:
        with st.expander(
            _("Programs that send nothing now ({count})").format(count=digits(len(gone))), icon=":material/history:"
        ):
            for program in gone[:MAX_GONE]:
                _draw_program(program)


def _draw_program(program: Program) -> None:
    report = program.report
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.button(
            formatting.escape_markdown(replace_invisible(report.name)) or _("a program"),
            icon=":material/account_tree:" if report.kind else ":material/terminal:",
            key=f"program-{report.id}",
            type="tertiary",
            on_click=_show_runs_of,
            args=(report.name,),
            help=_("Show the runs of this program only"),
        )
        st.markdown(_(_BADGES[program.state]), width="content")
        with st.container(key=f"program_facts-{report.id}", width="content"):
            st.caption(formatting.escape_markdown(_facts(program)), width="content")
    if report.command:
        with st.container(key=f"program_command-{report.id}"):
            st.caption(formatting.inline_code(replace_invisible(report.command)))


def _facts(program: Program) -> str:
    """Return what is known of a program, in one line."""
    report = program.report
    since = formatting.moment(report.started_at, zone(st.context.timezone), time.time())
    facts = [
        _("through LangSmith's client") if report.kind else process_name(report.pid, replace_invisible(report.host)),
        _("since {time}").format(time=since),
        counted_runs(program.runs) + ", " + _("{count} live").format(count=digits(len(program.live))),
        _("{events} sent").format(events=counted_events(program.events)),
    ]
    if report.dropped:
        facts.append(
            _("{events} dropped: they could not be sent in time").format(events=counted_events(report.dropped))
        )
    if program.refused:
        facts.append(_("{runs} not taken: the reason is in the log").format(runs=counted_runs(program.refused)))
    if report.errors:
        facts.append(_("{events} could not be read").format(events=counted_events(report.errors)))
    if not report.content:
        facts.append(_("texts are not sent"))
    versions = f"Python {report.python}, langchain-core {report.langchain_core}" if report.langchain_core else ""
    return " · ".join(filter(None, (*facts, replace_invisible(versions))))


def process_name(pid: object, host: str) -> str:
    """Return which process a program is, and on which machine if that is known."""
    if host:
        return _("process {pid} on {host}").format(pid=pid, host=host)
    return _("process {pid}").format(pid=pid)


def counted_runs(count: int) -> str:
    """Return a number of runs: `1 run`, `1,200 runs`."""
    return ngettext("{count} run", "{count} runs", count).format(count=digits(count))


def counted_events(count: int) -> str:
    """Return a number of events: `1 event`, `1,200 events`."""
    return ngettext("{count} event", "{count} events", count).format(count=digits(count))


def _show_runs_of(name: str) -> None:
    st.session_state[PROGRAMS_KEY] = [name]
    show_first_page()


def draw_token_form() -> None:
    """Ask for the API's token, where it is what the runs of programs belong to."""
    if may_see_programs():
        return
    with st.popover(_("Programs"), icon=":material/lan:", type="tertiary"):
        st.markdown(_("The runs that programs send belong to whoever holds the API's token."))
        st.text_input(_("API token"), type="password", key="programs_token", max_chars=500, on_change=_take_token)
        if st.session_state.pop("programs_token_is_wrong", False):
            st.error(_("That is not the token of `WEIR_API_TOKEN`."), icon=":material/key_off:")


def _take_token() -> None:
    st.session_state["programs_token_is_wrong"] = not show_programs(st.session_state.pop("programs_token", ""))

"""Programs that send their runs: what each is, whether it is there, and what it has sent (docs/attach.md)."""

import time
from collections.abc import Sequence

import streamlit as st

from pages.components.chat.date_groups import zone
from pages.components.inspector.run_list_state import show_first_page
from pages.components.layout import formatting
from pages.components.session.my_runs import may_see_programs, show_programs
from weir.analysis.metrics_line import counted
from weir.runs.attached_program import Program, ProgramState
from weir.text.invisible_characters import replace_invisible

PROGRAMS_KEY = "runs_programs"
"""Key of the filter's widget for programs."""

MAX_GONE = 20

LANGSMITH_NOTE = (
    "It sends the tree and the time of the first token, not what streamed. With weir attach, a Python program sends "
    "every token."
)
"""Of a run that came through LangSmith's client, where one would look for its tokens."""

_BADGES = {
    ProgramState.LIVE: ":green-badge[:material/sensors: live]",
    ProgramState.LOST: ":orange-badge[:material/cloud_off: lost contact]",
    ProgramState.QUIET: ":gray-badge[:material/bedtime: quiet]",
    ProgramState.ENDED: ":gray-badge[:material/check: ended]",
}


def draw_programs(programs: Sequence[Program]) -> None:
    """Draw the programs, those that are live first; nothing where there is none."""
    live = [program for program in programs if program.state is ProgramState.LIVE]
    gone = [program for program in programs if program.state is not ProgramState.LIVE]
    if live:
        with st.container(border=True, gap="xsmall", key="programs"):
            with st.container(horizontal=True, vertical_alignment="center"):
                st.markdown(f"**Programs** · {len(live):,} live", width="content")
                # There on a phone only, where what is known of the programs is folded (page_layout.css).
                with st.container(key="programs_details", width="content"):
                    st.toggle("Details", key="programs_are_unfolded")
            for program in live:
                _draw_program(program)
    if gone:
        with st.expander(f"Programs that send nothing now ({len(gone):,})", icon=":material/history:"):
            for program in gone[:MAX_GONE]:
                _draw_program(program)


def _draw_program(program: Program) -> None:
    report = program.report
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.button(
            formatting.escape_markdown(replace_invisible(report.name)) or "a program",
            icon=":material/account_tree:" if report.kind else ":material/terminal:",
            key=f"program-{report.id}",
            type="tertiary",
            on_click=_show_runs_of,
            args=(report.name,),
            help="Show the runs of this program only",
        )
        st.markdown(_BADGES[program.state], width="content")
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
        "through LangSmith's client" if report.kind else f"process {report.pid} on {replace_invisible(report.host)}",
        f"since {since}",
        f"{counted(program.runs, 'run')}, {len(program.live):,} live",
        f"{counted(program.events, 'event')} sent",
    ]
    if report.dropped:
        facts.append(f"{counted(report.dropped, 'event')} dropped: they could not be sent in time")
    if program.refused:
        facts.append(f"{counted(program.refused, 'run')} not taken: the reason is in the log")
    if report.errors:
        facts.append(f"{counted(report.errors, 'event')} could not be read")
    if not report.content:
        facts.append("texts are not sent")
    versions = f"Python {report.python}, langchain-core {report.langchain_core}" if report.langchain_core else ""
    return " · ".join(filter(None, (*facts, replace_invisible(versions))))


def _show_runs_of(name: str) -> None:
    st.session_state[PROGRAMS_KEY] = [name]
    show_first_page()


def draw_token_form() -> None:
    """Ask for the API's token, where it is what the runs of programs belong to."""
    if may_see_programs():
        return
    with st.popover("Programs", icon=":material/lan:", type="tertiary"):
        st.markdown("The runs that programs send belong to whoever holds the API's token.")
        st.text_input("API token", type="password", key="programs_token", max_chars=500, on_change=_take_token)
        if st.session_state.pop("programs_token_is_wrong", False):
            st.error("That is not the token of `WEIR_API_TOKEN`.", icon=":material/key_off:")


def _take_token() -> None:
    st.session_state["programs_token_is_wrong"] = not show_programs(st.session_state.pop("programs_token", ""))

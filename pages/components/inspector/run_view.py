"""One run on the Events page: what can be done with it, the playback bar, its outcome and the workspace."""

import time
from collections.abc import Sequence
from functools import partial

import streamlit as st

from chains.registry import REGISTRY
from pages.components.answer.answer_view import STATUS_BADGES
from pages.components.answer.share_popover import draw_link
from pages.components.chat.date_groups import zone
from pages.components.inspector import inspector_actions, playground_actions
from pages.components.inspector.inspector_state import InspectorState
from pages.components.inspector.interrupt_card import draw_interrupts
from pages.components.inspector.programs_view import LANGSMITH_NOTE, process_name
from pages.components.inspector.workspace import draw_workspace, take_view_from_address
from pages.components.layout import formatting, playback_bar
from pages.components.layout.translation import _, digits
from pages.components.layout.weir_sentences import translated
from pages.components.session import run_links
from pages.components.session.app_services import answer_cost
from pages.components.session.my_runs import reader_of, recent_runs
from pages.components.session.recordings import draw_recording_download, file_id, samples
from pages.components.waterfall.run_page_file import run_page
from weir.analysis.component_data import messages_of
from weir.analysis.messages import text_of
from weir.analysis.outcome import outcome
from weir.analysis.run_snapshot import RunSnapshot
from weir.analysis.run_tree import NodeStatus, RunNode
from weir.core import serialization
from weir.core.run_event import RunEvent
from weir.runs.attached_run import has_no_stream, program_of
from weir.runs.run import Run, Status
from weir.storage.run_records import RunEntry
from weir.text.invisible_characters import replace_invisible

REFRESH_SECONDS = 0.4
"""How often a run that goes on, or is played back, is drawn anew."""
QUICK_SECONDS = 0.15
"""How often a live run is, while that takes little."""
COSTLY_SECONDS = 0.1
"""Time of one drawing, on average, from which a live run is drawn no more often than any other."""
CONTACT_SECONDS = 3.0
"""How often a run whose program was lost is looked at."""
MAX_ERRORS = 20
MAX_ERROR_CHARS = 2_000
MAX_INPUT_CHARS = 400


def draw_run(state: InspectorState, run: Run, was_live: bool) -> None:
    """Draw a run, again and again while more of it may be seen. `was_live` is what `draw_actions` was given."""
    take_view_from_address(state)
    is_moving = was_live or state.is_moving(run)
    if run.is_attached and run.status is Status.ABANDONED:
        st.fragment(partial(_await_contact, run), run_every=CONTACT_SECONDS)()
    is_quick = run.is_live and state.draw_seconds_of(run) < COSTLY_SECONDS
    draw = partial(_draw_run, state, run, is_moving, is_quick)
    st.fragment(draw, run_every=(QUICK_SECONDS if is_quick else REFRESH_SECONDS) if is_moving else None)()


def _await_contact(run: Run) -> None:
    """Draw the page anew where the program of a run that was lost has come back."""
    try:
        has_changed = run_links.open_run(run.id).is_live
    except run_links.RUN_UNAVAILABLE:
        has_changed = True
    if has_changed:
        st.rerun()


def _draw_run(state: InspectorState, run: Run, was_moving: bool, was_quick: bool) -> None:
    began = time.perf_counter()
    run_links.rerun_if_unshared(run)
    seen = state.snapshot_at(run, state.player(run).count())
    # Its place is there while the run is live, too, so that nothing below moves when it ends.
    with st.container(key="inspector_playback"):
        _draw_playback_bar(state, run)
    with st.container(gap="xsmall", key="inspector_head"):
        if seen.root is None:
            st.caption(_("The run is about to begin.") if run.is_live else _("Nothing has happened yet: press Play."))
        else:
            _draw_outcome(state, run, seen)
    with st.container():
        if seen.root is not None and len(seen.events) == len(run.events):
            draw_interrupts(state, run, resumable=_is_in_registry)
    draw_workspace(state, run, seen)
    # How often this fragment is drawn is decided by the whole page.
    state.note_drawing(run, time.perf_counter() - began)
    if was_moving != state.is_moving(run) or (was_quick and state.draw_seconds_of(run) >= COSTLY_SECONDS):
        st.rerun()


def draw_actions(state: InspectorState, run: Run, is_live: bool) -> None:
    """Draw what can be done with the whole run. These widgets stay in place while the run goes on."""
    with st.container(horizontal=True, vertical_alignment="center", key="inspector_actions"):
        st.button(_("All runs"), icon=":material/arrow_back:", type="tertiary", on_click=state.close)
        if origin := playground_actions.origin_of(run):
            st.button(
                _("Original call"),
                icon=":material/undo:",
                type="tertiary",
                on_click=playground_actions.show_call,
                args=(state, origin),
                help=_("This run is a call of another run, with changes: show that call"),
            )
        if not is_live and not run.is_recording and "asked" in run.context:
            st.button(
                _("Run again"),
                icon=":material/refresh:",
                type="tertiary",
                on_click=inspector_actions.run_again,
                args=(state, run.name, run.context["asked"], run.context.get("options")),
            )
        draw_recording_download(run)
        if not is_live:
            _draw_page_download(state, run)
        draw_link(run)
        others = {other.id: entry_label(other) for other in recent_runs() if other.id != run.id}
        recordings = {
            name: _("Recording: {title}").format(title=translated(title))
            for name, (title, _content) in samples().items()
        }
        labels = others | recordings
        st.selectbox(
            _("Compare with"),
            list(labels),
            index=None,
            format_func=lambda run_id: labels.get(run_id, run_id),
            placeholder=_("Compare with …"),
            key="events_other",
            on_change=inspector_actions.compare,
            label_visibility="collapsed",
            icon=":material/compare_arrows:",
            width=280,
        )


def _draw_page_download(state: InspectorState, run: Run) -> None:
    """Draw the popover with the run as one file for a browser. The file is made when the popover is opened."""
    with st.popover(_("Page"), icon=":material/html:", type="tertiary", key="events_page_file", on_change="rerun"):
        st.markdown(
            _(
                "This run as one file that opens in any browser, without Weir: waterfall, data, findings, text and "
                "figures."
            )
        )
        if not st.session_state.get("events_page_file"):
            return
        seen = RunSnapshot()
        seen.read_whole(run.events)
        if seen.root is None:
            st.caption(_("Nothing has happened in this run."))
            return
        content = run_page(run, seen, state.findings_of(run, seen))
        st.download_button(
            _("Save the page ({size})").format(size=f"{digits(len(content) / 1_000, ',.0f')} kB"),
            content if run.can_read(reader_of(run)) else b"",
            file_name=f"weir-{file_id(run)}.html",
            mime="text/html",
            icon=":material/download:",
            on_click="ignore",
        )


def entry_label(entry: RunEntry) -> str:
    """Return when a run was started, its chain and the beginning of its input."""
    at = formatting.moment(entry.created_at, zone(st.context.timezone), time.time())
    return replace_invisible(f"{at} · {entry.chain}: {entry.input[:60]}")


def _draw_playback_bar(state: InspectorState, run: Run) -> None:
    player = state.player(run)
    count, total = player.count(), len(run.events)
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="inspector_playback_bar"):
        if run.is_live:
            st.button(_("Play"), icon=":material/play_arrow:", disabled=True, key="events_play_later", width=110)
            st.caption(_("The run can be replayed when it has ended."), width="content")
            return
        playback_bar.draw_play_button(player, count, key="events")
        playback_bar.draw_step_buttons(player, count, key="events")
        st.button(
            _("Next error"),
            icon=":material/error:",
            key="events_next_error",
            on_click=_go_to_next_error,
            args=(state, run),
            disabled=_next_error(run.events, count) is None,
        )
        playback_bar.draw_speed(player, key="events")
        if total:
            position = run.events[count - 1].elapsed if count else 0.0
            playback_bar.draw_slider(player, count, _("Events seen"), key="events", width=320)
            end = run.events[-1].elapsed
            st.caption(
                _("{position} of {end}").format(position=formatting.seconds(position), end=formatting.seconds(end)),
                width="content",
            )


def _go_to_next_error(state: InspectorState, run: Run) -> None:
    player = state.player(run)
    error = _next_error(run.events, player.count())
    if error is not None:
        player.seek(error + 1)
        state.pick(error)


def _next_error(events: Sequence[RunEvent], count: int) -> int | None:
    """Return the number of the first error event that is not seen yet; at the end, of the first one of all."""
    start = 0 if count >= len(events) else count
    return next((number for number in range(start, len(events)) if events[number].event.endswith("_error")), None)


def _draw_outcome(state: InspectorState, run: Run, seen: RunSnapshot) -> None:
    metrics = seen.metrics()
    result = outcome(run, metrics)
    # The prices are those of this Weir's model; a recording may be of another.
    cost = None if run.is_recording else answer_cost(metrics)
    is_whole = len(seen.events) == len(run.events)
    icon, color = STATUS_BADGES.get(result.status, (":material/check_circle:", "green"))
    badge = f":{color}-badge[{icon} {translated(result.status.value)}]"
    if not is_whole:
        badge = f":gray-badge[:material/replay: {_('Replay')}]"
    events = _("{count} events").format(count=digits(len(seen.events)))
    parts = [f"{badge} {events}", formatting.metrics_line(metrics, cost)]
    if run.is_recording:
        parts.append(f":material/description: {_('a recording')}")
    st.markdown(f"**{formatting.escape_markdown(run.name)}** {' · '.join(parts)}")
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="inspector_input_line"):
        if not state.is_moving(run) and (found := state.findings_of(run, seen)):
            spent = f" ({formatting.seconds(found[0].seconds)})" if found[0].seconds >= 0.01 else ""
            st.button(
                f"{translated(found[0].kind.message)}{spent}",
                icon=":material/stethoscope:",
                type="tertiary",
                key="events_worst_finding",
                on_click=_open_doctor,
                help=_("The doctor's first finding: open the doctor"),
            )
        # As code: an address in it does not become a link.
        st.markdown(_("Input: {text}").format(text=formatting.inline_code(_input_text(run))))
    if run.is_attached:
        st.caption(formatting.escape_markdown(_sender(run, seen)))
    if is_whole and result.message:
        st.markdown(f"{translated(result.message)} {translated(result.hint)}")
    _draw_errors(seen.error_origins)


def _sender(run: Run, seen: RunSnapshot) -> str:
    """Return which program has sent a run, and what cannot be seen of it."""
    program = program_of(run)
    name, host = (replace_invisible(str(program.get(key, ""))[:100]) for key in ("name", "host"))
    if has_no_stream(run):
        sent = _("Sent by {program} through LangSmith's client.").format(program=name or _("a program"))
        return f"{sent} {_(LANGSMITH_NOTE)}"
    process = process_name(str(program.get("pid", ""))[:20], host)
    sentences = [_("Sent by {program}, {process}.").format(program=name or _("a program"), process=process)]
    models = [node for node in seen.root.walk() if node.is_model] if seen.root else []
    if any(node.status is NodeStatus.DONE and not node.chunk_times for node in models):
        sentences.append(_("A model was called with invoke, not with stream, so its answer has no tokens."))
    sentences.append(_("What parsers and other steps yield is not seen from outside of the program."))
    if program.get("content") is False:
        sentences.append(_("The program sends no texts: each character is a dot."))
    return " ".join(sentences)


def _open_doctor() -> None:
    st.session_state["view"] = "Doctor"


def _input_text(run: Run) -> str:
    """Return a run's input on one line: the last of its messages, its only field that is set, else all as JSON."""
    value = run.input
    if messages := messages_of(value):
        value = text_of(messages[-1])
    if isinstance(value, dict):
        value = {name: part for name, part in value.items() if part not in (None, "", [], {})}
    if isinstance(value, dict) and len(value) == 1:
        value = next(iter(value.values()))
    text = value if isinstance(value, str) else serialization.dumps(value).decode("utf-8", "replace")
    return serialization.replace_lone_surrogates(" ".join(text[:MAX_INPUT_CHARS].split()))


def _draw_errors(origins: Sequence[RunNode]) -> None:
    """Draw the first error; the others are a click away, so that the head stays small."""
    for node in origins[:1]:
        with st.container(key="inspector_error"):
            st.markdown(_error_line(node))
    if len(origins) > 1:
        with st.popover(
            _("{count} more errors").format(count=digits(len(origins) - 1)), icon=":material/error:", type="tertiary"
        ):
            for node in origins[1:MAX_ERRORS]:
                st.markdown(_error_line(node))
            if len(origins) > MAX_ERRORS:
                st.caption(
                    _("These are the first {shown} of {count} errors; the events have all.").format(
                        shown=MAX_ERRORS, count=digits(len(origins))
                    )
                )


def _error_line(node: RunNode) -> str:
    causes = [
        _("Caused by {cause}.").format(cause=cause[:MAX_ERROR_CHARS].rstrip(".")) for cause in node.causes[:MAX_ERRORS]
    ]
    streamed = (
        [_("It had streamed {count} characters.").format(count=digits(len(node.text)))] if node.chunk_texts else []
    )
    failed = _("{name} failed: {error}.").format(name=node.name, error=node.error[:MAX_ERROR_CHARS].rstrip("."))
    text = " ".join((failed, *causes, *streamed))
    return f":material/error: {formatting.escape_markdown(text)}"


def _is_in_registry(name: str) -> bool:
    return any(chain.name == name for chain in REGISTRY)

"""Scrolling, focus and keys of the chat page, as a Streamlit component: what only the browser can do."""

from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from pages.components.chat.chat_state import ChatState
from pages.components.layout.translation import N_, _

_HTML = """
<button type="button" hidden>
  <svg viewBox="0 0 24 24" aria-hidden="true"><path d="M12 4v15M5 12l7 7 7-7"/></svg><span></span>
</button>
"""

_CSS = """
button {
  position: fixed; z-index: 100; transform: translateX(-50%); display: inline-flex; align-items: center; gap: .35rem;
  min-height: 2rem; padding: 0 .8rem; border: 1px solid var(--st-border-color); border-radius: 1rem;
  background: var(--st-background-color); color: var(--st-text-color); font: inherit; font-size: .875rem;
  cursor: pointer; box-shadow: 0 2px 8px rgb(0 0 0 / 15%);
}
button[hidden] { display: none; }
button:hover { color: var(--st-primary-color); border-color: currentColor; }
button:focus-visible { outline: 2px solid var(--st-primary-color); outline-offset: 2px; }
svg { width: 1rem; height: 1rem; fill: none; stroke: currentColor; stroke-width: 2; }
"""

_KEYS = N_("""
| Key | |
|---|---|
| Enter | Send the question |
| Shift + Enter | New line |
| Esc | Stop the answer; in *Edit*: cancel |
| Ctrl + Enter | In *Edit*: send |
| Ctrl + K | Search conversations |
| Ctrl + Shift + O | New chat |

On a Mac: ⌘ in place of Ctrl.
""")


def draw_scroll_and_keys(state: ChatState, shown: Sequence[str]) -> None:
    """Scroll to what was just sent or found, move the focus after a change, and draw *Latest* away from the end.

    `shown` has the ids of all messages on the page, in their order.
    """
    found = state.found_message_id
    component = st.components.v2.component(
        "weir_scroll_and_keys",
        html=_HTML,
        css=_CSS,
        js=(Path(__file__).parent / "scroll_and_keys.js").read_text(encoding="utf-8"),
    )
    component(
        data={
            "conversation": state.conversation_id,
            "sent": state.sent_answer_id,
            "refused": state.refused_count,
            "found": {"number": shown.index(found), "opened": state.opened_count} if found in shown else None,
            "edited": state.edited_question_id,
            "latest": _("Latest"),
            "focus": f"{state.opened_count} {state.edited_question_id or ''}",
        },
        key="scroll_and_keys",
        width=1,
        height=1,
    )


def draw_key_list() -> None:
    """Draw the popover that lists the keys."""
    with st.popover(_("Keys"), icon=":material/keyboard:", type="tertiary"):
        st.markdown(_(_KEYS))

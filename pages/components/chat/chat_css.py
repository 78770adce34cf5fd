"""CSS of the chat page: actions as icons, headings of answers below the page's, and the list of conversations."""

import streamlit as st

_ACTIONS = '[class*="st-key-answer-actions-"], [class*="st-key-question-actions-"]'
_LABELS = (
    'button[kind="tertiary"]:not([class*="st-key-actions-"] *) [data-testid="stMarkdownContainer"], '
    '[data-testid="stPageLink-NavLink"] [data-testid="stMarkdownContainer"]'
)

_STYLE = f"""<style>
/* The words of the actions are for screen readers; a tooltip has them too. */
:is({_ACTIONS}) :is({_LABELS}) {{
  position: absolute;
  inline-size: 1px;
  block-size: 1px;
  overflow: hidden;
  clip-path: inset(50%);
  white-space: nowrap;
}}
:is({_ACTIONS}) :is(button[kind="tertiary"], [data-testid="stPageLink-NavLink"]) {{
  min-inline-size: 2rem;
  justify-content: center;
}}
/* An answer's headings stay below the page's. */
[data-testid="stChatMessage"] h1 {{ font-size: 1.375rem; }}
[data-testid="stChatMessage"] h2 {{ font-size: 1.25rem; }}
[data-testid="stChatMessage"] h3 {{ font-size: 1.125rem; }}
[data-testid="stChatMessage"] :is(h4, h5, h6) {{ font-size: 1rem; }}
[data-testid="stChatMessage"] :is(h1, h2, h3, h4, h5, h6) {{ padding-block: .5rem .25rem; }}
[class*="st-key-open-"] button {{
  justify-content: flex-start;
  text-align: start;
  min-block-size: 2.25rem;
}}
[class*="st-key-open-"] button * {{
  justify-content: flex-start;
  text-align: start;
}}
[class*="st-key-open-"] button > div {{
  inline-size: 100%;
}}
[class*="st-key-open-"] button [data-testid="stMarkdownContainer"] p {{
  overflow: hidden;
  text-overflow: ellipsis;
  white-space: nowrap;
}}
</style>"""


def draw_chat_style() -> None:
    """Add the style sheet to the page. It takes no space."""
    st.html(_STYLE)

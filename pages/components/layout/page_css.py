"""What looks otherwise than Streamlit has it.

Each link in Markdown says where it goes, whatever its text says. What waits to be drawn again looks as it did: where
it fades, as by default, the browser prepares that for each element first, and an answer's first words wait for it.
"""

import streamlit as st

DOCS = "/api/docs"
"""The one address that Weir's own text links to."""

_LINK = f'[data-testid="stMarkdownContainer"] a[href]:not([href^="#"], [href="{DOCS}"])'

_STYLE = f"""<style>
[data-testid="stElementContainer"][data-stale="true"] {{
  opacity: 1;
  transition: none;
}}
{_LINK}::after {{
  content: attr(href);
  display: inline-block;
  max-inline-size: 100%;
  margin-inline-start: .35em;
  font: 400 .72rem/1.4 "Source Code Pro", ui-monospace, monospace;
  color: light-dark(#5f6f75, #9fb0b6);
  -webkit-text-fill-color: currentColor;
  background: light-dark(#f2f5f6, #1a2529);
  border-radius: .25rem;
  padding-inline: .3em;
  overflow-wrap: anywhere;
  white-space: normal;
  unicode-bidi: isolate;
  direction: ltr;
  user-select: none;
}}
/* What is no address on a network opens nothing. */
:is({_LINK}):is([href^="data:" i], [href^="vbscript:" i], [href^="file:" i]) {{
  pointer-events: none;
  text-decoration: line-through;
}}
/* A formula draws in its own box: it could otherwise be moved over where a link says that it goes. */
[data-testid="stMarkdownContainer"] .katex:not(.katex-display > .katex) {{
  display: inline-block;
  max-width: 100%;
  contain: paint;
}}
</style>"""


def draw_page_style() -> None:
    """Have the whole page look so. It takes no place."""
    st.html(_STYLE)

"""CSS for all pages, where Weir differs from Streamlit's look; `page_layout.css` has what is about places.

Each link in Markdown shows its target after its text. Stale elements do not fade: the browser prepares Streamlit's
transition for each element first, which delays the first words of an answer.
"""

from pathlib import Path

import streamlit as st

DOCS = "/api/docs"
"""The only link in Weir's own text; it does not show its target."""

_LINK = f'[data-testid="stMarkdownContainer"] a[href]:not([href^="#"], [href="{DOCS}"])'

_STYLE = f"""<style>
[data-testid="stElementContainer"][data-stale="true"] {{
  opacity: 1;
  transition: none;
}}
/* Components that only bind keys take no space. */
:is(.st-key-stop_key, .st-key-scroll_and_keys) {{
  position: absolute;
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
/* Links to `data:`, `vbscript:` and `file:` cannot be clicked. */
:is({_LINK}):is([href^="data:" i], [href^="vbscript:" i], [href^="file:" i]) {{
  pointer-events: none;
  text-decoration: line-through;
}}
/* A formula is clipped to its box, so that it cannot cover the target that a link shows. */
[data-testid="stMarkdownContainer"] .katex:not(.katex-display > .katex) {{
  display: inline-block;
  max-width: 100%;
  contain: paint;
}}
</style>"""


def draw_page_style() -> None:
    """Add the style sheets to the page. They take no space."""
    layout = (Path(__file__).parent / "page_layout.css").read_text(encoding="utf-8")
    st.html(f"{_STYLE}<style>{layout}</style>")

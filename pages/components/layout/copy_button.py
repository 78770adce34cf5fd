"""Copy button: puts a text on the clipboard. Streamlit has no such widget."""

import base64
import zlib
from typing import Literal

import streamlit as st

from pages.components.layout.translation import _
from weir.core.serialization import replace_lone_surrogates

_HTML = """
<button type="button" aria-live="polite">
  <svg viewBox="0 0 24 24" aria-hidden="true"><path d="M9 3h10v13H9zM5 8v13h10"/></svg>
  <span class="icon-only">Copy</span>
</button>
"""

_CSS = """
button {
  display: inline-flex; align-items: center; gap: .35rem; min-height: 2rem; padding: 0 .25rem; border: 0;
  background: none; color: var(--st-text-color); font: inherit; font-size: .875rem; cursor: pointer;
  border-radius: var(--st-button-radius);
}
button:hover { color: var(--st-primary-color); }
button:focus-visible { outline: 2px solid var(--st-primary-color); outline-offset: 2px; }
svg { width: 1rem; height: 1rem; fill: none; stroke: currentColor; stroke-width: 1.8; }
span.icon-only { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
"""

_JS = """
// The text is unpacked before the click: browsers allow clipboard access during the click only, not after a wait.
const unpacked = (packed) => {
  const bytes = Uint8Array.from(atob(packed), (character) => character.charCodeAt(0))
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"))).text()
}
export default function ({ data, parentElement }) {
  const button = parentElement.querySelector("button")
  let text = ""
  button.disabled = true
  unpacked(data.packed).then((whole) => { text = whole; button.disabled = false })
  const label = button.querySelector("span")
  // What a click did is shown in any case.
  const setLabel = (text) => {
    label.textContent = text
    label.className = data.iconOnly && text === data.label ? "icon-only" : ""
  }
  button.title = data.iconOnly ? data.label : ""
  setLabel(data.label)
  // The clipboard API exists on https and localhost only; `execCommand` works everywhere.
  const copyBySelection = (text) => {
    const area = Object.assign(document.createElement("textarea"), { value: text })
    document.body.append(area)
    area.select()
    const done = document.execCommand("copy")
    area.remove()
    return done
  }
  button.onclick = async () => {
    let done = false
    try { await navigator.clipboard.writeText(text); done = true }
    catch { done = copyBySelection(text) }
    setLabel(done ? data.copied : data.refused)
    setTimeout(() => setLabel(data.label), 1500)
  }
}
"""


def copy_button(
    text: str, *, key: str, label: str = "", label_visibility: Literal["visible", "collapsed"] = "visible"
) -> None:
    """Draw a button that copies `text`, labelled *Copy* by default.

    A collapsed label is for screen readers and for the tooltip.
    """
    # Registered at each call: the registry belongs to the server, and this module may be imported before it exists.
    button = st.components.v2.component("weir_copy", html=_HTML, css=_CSS, js=_JS)
    data = {
        "packed": _packed(text),
        "label": label or _("Copy"),
        "copied": _("Copied"),
        "refused": _("Not allowed here"),
        "iconOnly": label_visibility == "collapsed",
    }
    button(data=data, key=key, width="content")


def _packed(text: str) -> str:
    """Return the text compressed. It was sent once already, as text of the page, so that this copy should be small."""
    return base64.b64encode(zlib.compress(replace_lone_surrogates(text).encode())).decode()

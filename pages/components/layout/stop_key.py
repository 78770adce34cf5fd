"""The Esc key for *Stop*: it stops an answer only where it can mean nothing else.

Streamlit's own shortcut fires wherever the focus is: Esc that closes a menu would stop the run too.
"""

import streamlit as st

_JS = """
const COMPOSER = '[data-testid="stChatInputTextArea"]'
const FIELDS = 'input, textarea, select, [contenteditable="true"], [data-testid="stDataFrame"] *'
const OPEN = '[role="dialog"], [role="listbox"], [role="menu"], [data-testid="stPopoverBody"]'
const bound = new WeakMap()

export default function ({ parentElement }) {
  if (bound.has(parentElement)) return bound.get(parentElement)
  const onKey = (event) => {
    if (event.key !== "Escape" || event.isComposing || event.repeat) return
    const focused = document.activeElement
    if (focused.matches(FIELDS) && !focused.matches(COMPOSER)) return
    if (document.querySelector(OPEN)) return
    document.querySelector('[class*="st-key-stop-"] button:not(:disabled)')?.click()
  }
  // In the capture phase: a menu that this key closes is still open.
  document.addEventListener("keydown", onKey, true)
  const cleanUp = () => document.removeEventListener("keydown", onKey, true)
  bound.set(parentElement, cleanUp)
  return cleanUp
}
"""


def draw_stop_key() -> None:
    """Bind the key for this page. Nothing is visible."""
    component = st.components.v2.component("weir_stop_key", html="<span></span>", js=_JS)
    component(key="stop_key", width=1, height=1)

// Scrolling, focus and keys of the chat page. It is called again with each change of `data`.
const memory = (globalThis.weirChat ??= {})
const bound = new WeakMap()
const COMPOSER = '[data-testid="stChatInputTextArea"]'
const NEAR_THE_END = 150 // pixels
const LEAVING = ["wheel", "touchmove", "pointerdown"]

const find = (selector) => document.querySelector(selector)
const scroller = () => find(".stMain")
const isField = (element) => element?.matches('input, textarea, select, [contenteditable="true"]')

// Streamlit scrolls with the text only for those who were at its end before. Others follow from here, until they scroll.
const toEnd = () => scroller().scrollTo({ top: scroller().scrollHeight })
const follow = () => {
  memory.follows = true
  toEnd()
}

// What Python has drawn may not be on the page yet.
const whenFound = (seek, act, tries = 100) => {
  const element = seek()
  if (element) act(element)
  else if (tries) setTimeout(() => whenFound(seek, act, tries - 1), 50)
}
const whenThere = (selector, act) => whenFound(() => find(selector), act)

// The message that a search has found: to the middle of the page, and marked for a moment.
const showFound = (number) =>
  whenFound(() => document.querySelectorAll('[data-testid="stChatMessage"]')[number], (message) => {
    memory.follows = false
    message.scrollIntoView({ block: message.clientHeight > scroller().clientHeight / 2 ? "start" : "center" })
    const mark = "color-mix(in srgb, currentColor 10%, transparent)"
    message.animate({ backgroundColor: [mark, mark, "transparent"] }, { duration: 2500 })
  })

const focusOn = (selector) =>
  whenThere(selector, (field) => {
    // A touch screen would open its keyboard; a person who types elsewhere would be interrupted.
    const isTaken = selector === COMPOSER && isField(document.activeElement)
    if (isTaken || matchMedia("(pointer: coarse)").matches) return
    field.focus({ preventScroll: selector === COMPOSER })
    field.setSelectionRange?.(field.value.length, field.value.length)
  })

const openSearch = () => {
  find('[data-testid="stExpandSidebarButton"] button, button[data-testid="stExpandSidebarButton"]')?.click()
  whenThere(".st-key-chat_search input", (field) => field.focus())
}

const onKey = (event) => {
  const isCommand = event.ctrlKey || event.metaKey
  const key = event.key.toLowerCase()
  if (["pageup", "home", "arrowup"].includes(key)) memory.follows = false
  if (isCommand && !event.shiftKey && !event.altKey && key === "k") {
    event.preventDefault()
    openSearch()
  } else if (isCommand && event.shiftKey && key === "o") {
    event.preventDefault()
    find(".st-key-chat_new button")?.click()
  } else if (key === "escape" && document.activeElement?.closest('[class*="st-key-edited-"]')) {
    find('[class*="st-key-cancel-edit"] button')?.click()
  }
}

// A draft belongs to its conversation, and stays in this tab.
const draftKey = () => `weir-draft-${memory.conversation ?? ""}`
const saveDraft = (event) => {
  if (event.target.matches?.(COMPOSER)) sessionStorage.setItem(draftKey(), event.target.value)
}
const showDraft = (field) => {
  const draft = sessionStorage.getItem(draftKey()) ?? ""
  if (field.value === draft) return
  // React notices a value only if the element's own setter is used.
  Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, "value").set.call(field, draft)
  field.dispatchEvent(new Event("input", { bubbles: true }))
}

// What is typed before the page is whole, by a person who is quick, stays.
const showFirstDraft = (field) => {
  if (field.value) sessionStorage.setItem(draftKey(), field.value)
  else showDraft(field)
}

const bind = (latest) => {
  const main = scroller()
  const update = () => {
    if (memory.follows) toEnd()
    const bottom = find('[data-testid="stBottom"]')
    const below = main.scrollHeight - main.scrollTop - main.clientHeight
    latest.hidden = below < NEAR_THE_END
    if (latest.hidden || !bottom) return
    const box = bottom.getBoundingClientRect()
    latest.style.left = `${box.left + box.width / 2}px`
    latest.style.bottom = `${innerHeight - box.top + 8}px`
  }
  const growth = new ResizeObserver(update)
  growth.observe(main)
  for (const child of main.children) growth.observe(child)
  const leave = () => { memory.follows = false }
  main.addEventListener("scroll", update, { passive: true })
  for (const name of LEAVING) main.addEventListener(name, leave, { passive: true })
  document.addEventListener("keydown", onKey)
  document.addEventListener("input", saveDraft)
  latest.onclick = follow
  return () => {
    growth.disconnect()
    main.removeEventListener("scroll", update)
    for (const name of LEAVING) main.removeEventListener(name, leave)
    document.removeEventListener("keydown", onKey)
    document.removeEventListener("input", saveDraft)
    memory.focused = memory.drafted = undefined
  }
}

export default function ({ data, parentElement }) {
  if (!bound.has(parentElement)) bound.set(parentElement, bind(parentElement.querySelector("button")))
  parentElement.querySelector("span").textContent = data.latest
  if (data.sent && data.sent !== memory.sent) {
    memory.sent = data.sent
    sessionStorage.removeItem(draftKey())
    // What was typed since then belongs to the conversation that the question has begun.
    memory.conversation = data.conversation
    const typed = find(COMPOSER)?.value
    if (typed) sessionStorage.setItem(draftKey(), typed)
    follow()
  }
  if (data.refused && data.refused !== memory.refused) {
    memory.refused = data.refused
    follow()
  }
  if (data.found && data.found.opened !== memory.found) {
    memory.found = data.found.opened
    showFound(data.found.number)
  }
  if (memory.conversation !== data.conversation || memory.drafted === undefined) {
    const show = memory.drafted === undefined ? showFirstDraft : showDraft
    // A conversation opens at its end.
    if (data.conversation && !data.found) follow()
    memory.conversation = data.conversation
    memory.drafted = true
    whenThere(COMPOSER, show)
  }
  if (data.focus !== memory.focused) {
    memory.focused = data.focus
    focusOn(data.edited ? `.st-key-edited-${data.edited} textarea` : COMPOSER)
  }
  return () => {
    // Streamlit also calls this where the page was drawn again before the script had loaded.
    if (!parentElement.isConnected) bound.get(parentElement)()
  }
}

// What every page does in the browser: the drawer of a phone, where a page opens, and what a screen reader is told.
const PHONE = "(max-width: 767px)"
const LEADS_AWAY = 'a[href], [class*="st-key-open-"] button, .st-key-chat_new button'
const ANNOUNCEMENT = "data-announcement"
const SETTLED_MS = 3_000
const bound = new WeakMap()
let shownPage = null

const closeDrawer = (event) => {
  const sidebar = event.target.closest('[data-testid="stSidebar"]')
  if (!sidebar || !matchMedia(PHONE).matches || !event.target.closest(LEADS_AWAY)) return
  setTimeout(() => sidebar.querySelector('[data-testid="stSidebarCollapseButton"] button')?.click())
}

// Streamlit scrolls a page with an input at its bottom to its end, an empty one too.
const openAtTop = () => {
  const began = performance.now()
  const gestures = ["wheel", "touchmove", "keydown", "pointerdown"]
  const end = () => {
    clearInterval(timer)
    for (const name of gestures) document.removeEventListener(name, end, true)
  }
  const timer = setInterval(() => {
    const isLive = document.querySelector('[class*="st-key-stop-"]:not([class*="st-key-stop-idle"]) button')
    if (isLive || performance.now() - began > SETTLED_MS) return end()
    const main = document.querySelector('[data-testid="stAppScrollToBottomContainer"], [data-testid="stMain"]')
    if (main?.scrollTop) main.scrollTop = 0
  }, 50)
  for (const name of gestures) document.addEventListener(name, end, { capture: true, passive: true })
}

// A live region has to be there before its text: Streamlit would bring both at once, and nothing would be read.
const announce = (region) => {
  const update = () => {
    const text = document.querySelector(`[${ANNOUNCEMENT}]`)?.getAttribute(ANNOUNCEMENT) ?? ""
    if (region.textContent !== text) region.textContent = text
  }
  const observer = new MutationObserver(update)
  const app = document.querySelector('[data-testid="stApp"]')
  observer.observe(app, { subtree: true, childList: true, attributeFilter: [ANNOUNCEMENT] })
  update()
  return () => observer.disconnect()
}

// In a shadow root that is closed: the words are for screen readers, and no second text for who searches the page.
const liveRegion = (host) => {
  const region = document.createElement("div")
  region.setAttribute("role", "status")
  region.setAttribute("aria-live", "polite")
  host.attachShadow({ mode: "closed" }).append(region)
  return region
}

// For a year, and for all pages: the next visit begins in this language.
const keep = (cookie) => {
  const isSecure = location.protocol === "https:" ? "; Secure" : ""
  document.cookie = `${cookie}; Path=/; Max-Age=31536000; SameSite=Lax${isSecure}`
}

const bind = (host) => {
  const region = (host.weirRegion ??= liveRegion(host))
  document.addEventListener("click", closeDrawer, true)
  const silence = announce(region)
  return () => {
    document.removeEventListener("click", closeDrawer, true)
    silence()
  }
}

export default function ({ data, parentElement }) {
  if (!bound.has(parentElement)) bound.set(parentElement, bind(parentElement.querySelector("div")))
  document.documentElement.lang = data.language
  if (data.languageCookie && !document.cookie.includes(data.languageCookie)) keep(data.languageCookie)
  if (data.page !== shownPage && data.opensAtTop) openAtTop()
  shownPage = data.page
  return () => {
    // Streamlit also calls this where the page was drawn again before the script had loaded.
    if (parentElement.isConnected) return
    bound.get(parentElement)?.()
    bound.delete(parentElement)
  }
}

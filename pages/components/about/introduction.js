// The recorded story at its own pace: all of it at the end on the left, word by word on the right.
const memory = (globalThis.weirIntroduction ??= { played: false })
const STILL = "(prefers-reduced-motion: reduce)"
const running = new WeakMap()

export default function ({ data, parentElement }) {
  const race = parentElement.querySelector(".race")
  race.setAttribute("aria-label", data.label)
  race.querySelectorAll("b").forEach((name, index) => { name.textContent = data.lanes[index] })
  const clock = (seconds) => `${seconds.toFixed(1).replace(".", data.decimal)} s`
  const [waiting, streaming] = [...race.querySelectorAll(".lane")].map((lane) => ({
    clock: lane.querySelector("i"),
    text: lane.querySelector("p"),
  }))
  const first = data.chunks[0][0]
  const last = data.chunks.at(-1)[0]
  const draw = (seconds) => {
    const text = data.chunks.filter(([at]) => at <= seconds).map(([, words]) => words).join("")
    streaming.text.textContent = text
    streaming.clock.textContent = clock(Math.min(seconds, first))
    waiting.text.textContent = seconds >= last ? text : ""
    waiting.clock.textContent = clock(Math.min(seconds, last))
  }
  if (running.has(race)) return running.get(race)
  if (memory.played || matchMedia(STILL).matches) return draw(last)
  memory.played = true
  const began = performance.now()
  let frame = 0
  const step = (now) => {
    const seconds = Math.max(0, (now - began) / 1_000)
    draw(seconds)
    if (seconds < last) frame = requestAnimationFrame(step)
  }
  draw(0)
  frame = requestAnimationFrame(step)
  // Streamlit also calls this where the page was drawn again before the script had loaded.
  const stop = () => { if (!race.isConnected) cancelAnimationFrame(frame) }
  running.set(race, stop)
  return stop
}

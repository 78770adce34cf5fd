// A client of Weir's API in the browser: a real EventSource, what it delivers, and what can be measured of it.

const KEPT = 300
const DRAWN_EVERY_MS = 40
const clients = new WeakMap()

const milliseconds = (value) => `${inDigits(Math.round(value))} ms`
const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]
const capital = (words) => words.charAt(0).toUpperCase() + words.slice(1)
const reconnects = (count) => (count === 1 ? t("{count} reconnect", { count }) : t("{count} reconnects", { count }))
const ending = (status) => {
  const known = { complete: t("Complete"), done: t("Done"), stopped: t("Stopped"), waiting: t("Waiting"), failed: t("Failed"), abandoned: t("Abandoned") }
  return known[status] ?? capital(status)
}
const isAtEnd = (box) => box.scrollHeight - box.scrollTop - box.clientHeight < 40
const sequence = (id) => Number(String(id).split(":").at(-1))

function textOf(kind, data) {
  if (kind === "text") return data.content ?? ""
  const root = (data.parent_ids ?? []).length === 0 && String(data.event).endsWith("_stream")
  const chunk = data.data?.chunk
  return root ? (typeof chunk === "string" ? chunk : (chunk?.content ?? "")) : ""
}

class Client {
  constructor(host, data, again) {
    this.data = data
    this.turn = 0
    this.part = (name) => host.querySelector(`[data-part=${name}]`)
    host.setAttribute("aria-label", t("Client in this browser"))
    const labels = { start: t("Start again"), break: t("Break the connection"), stop: t("Stop"), test: t("Test for buffering") }
    for (const [name, label] of Object.entries(labels)) this.part(name).textContent = label
    for (const [name, label] of Object.entries({ frames: t("Frames"), text: t("Text") })) {
      this.part(name).setAttribute("aria-label", label)
      this.part(name).previousElementSibling.textContent = label
    }
    // By way of the page's script: where the API asks for a token, the address needs a new ticket.
    this.part("start").onclick = again
    this.part("break").onclick = () => this.breakConnection()
    this.part("stop").onclick = () => this.stopRun()
    this.part("test").onclick = () => this.selfTest()
    this.start()
  }

  start() {
    this.stop()
    this.turn += 1
    this.began = performance.now()
    this.gaps = []
    this.count = this.opens = this.reconnects = this.repeated = 0
    this.lastAt = this.lastId = this.broken = this.resumed = null
    this.runId = this.data.runId
    this.received = ""
    this.rows = []
    this.text = ""
    for (const name of ["text", "frames"]) this.part(name).textContent = ""
    this.figures()
    this.say(t("Connecting …"))
    this.data.reader === "fetch" ? this.fetchBytes() : this.listen()
    this.buttons()
  }

  stop() {
    this.source?.close()
    this.ticks?.close()
    this.aborter?.abort()
    this.source = this.ticks = this.aborter = null
  }

  close(words) {
    this.stop()
    this.say(words)
    this.buttons()
  }

  async stopRun() {
    this.close(t("Stopping …"))
    // Without an id there has been no first frame: the run ends because its only reader has left.
    const turn = this.turn
    const answer = this.runId && (await fetch(this.runAddress(), { method: "DELETE" }).catch(() => null))
    if (turn === this.turn) this.say(answer?.ok ? t("Stopped: the run has ended.") : t("Stopped: the run ends soon."))
  }

  runAddress() {
    return `/api/runs/${this.runId}${this.data.ticket ? `?ticket=${this.data.ticket}` : ""}`
  }

  buttons() {
    const live = Boolean(this.source || this.aborter)
    this.part("stop").disabled = !live || !this.data.mayStop
    // Before its first id a client that comes back would begin a second run.
    this.part("break").disabled = !this.source || this.lastId === null || this.broken !== null
  }

  say(words) { this.part("status").textContent = words }

  listen() {
    const source = new EventSource(this.data.url)
    this.source = source
    source.onopen = () => this.whenOpened()
    source.onmessage = (event) => this.frame(event)
    for (const name of ["done", "end"]) source.addEventListener(name, (event) => this.finish(event))
    source.addEventListener("error", (event) => {
      if (event.data) return this.finish(event)
      if (source.readyState === EventSource.CLOSED) this.close(t("Refused: the server did not answer with a stream. Start again."))
      else this.say(t("Connection lost: the browser is reconnecting …"))
    })
  }

  whenOpened() {
    this.opens += 1
    if (this.opens === 1) return this.say(t("Connected: frames arrive as the model writes."))
    this.reconnects += 1
    if (this.broken) {
      const away = milliseconds(performance.now() - this.broken.at)
      this.note(t("Broken after id {id}. The browser reconnected {away} later and sent that id as Last-Event-ID.", { id: this.broken.id, away }))
      this.resumed = { id: this.broken.id, count: this.count }
      this.broken = null
    }
    this.say(t("Reconnected: the server continues after the last id."))
    this.figures()
    this.buttons()
  }

  frame(event) {
    const now = performance.now()
    if (event.lastEventId) {
      if (this.lastId !== null && sequence(event.lastEventId) <= sequence(this.lastId)) this.repeated += 1
      if (this.lastId === null) setTimeout(() => this.buttons())
      this.lastId = event.lastEventId
      this.runId ??= event.lastEventId.split(":")[0]
    }
    const gap = this.lastAt === null ? null : now - this.lastAt
    if (gap !== null) this.gaps.push(gap)
    this.lastAt = now
    this.count += 1
    const type = event.type === "message" ? "" : `event: ${event.type}\n`
    const when = `${milliseconds(now - this.began)}${gap === null ? "" : `  +${milliseconds(gap)}`}\n`
    this.row(when, `id: ${event.lastEventId}\n${type}data: ${event.data}`)
    if (this.resumed?.count === this.count - 1) {
      const fresh = sequence(event.lastEventId) > sequence(this.resumed.id)
      const id = event.lastEventId
      this.note(fresh ? t("Resumed with id {id}: no duplicate.", { id }) : t("Resumed with id {id}: a duplicate.", { id }))
    }
    if (event.type === "message") this.write(textOf(this.data.kind, JSON.parse(event.data)))
  }

  write(text) {
    this.received += text
    this.text += text
    this.drawSoon()
  }

  row(when, words) {
    const item = document.createElement("li")
    const time = Object.assign(document.createElement("span"), { className: "when", textContent: when })
    item.append(time, words)
    this.append(item)
  }

  note(words) { this.append(Object.assign(document.createElement("li"), { className: "note", textContent: words })) }

  append(item) {
    this.rows.push(item)
    this.drawSoon()
  }

  // A layout for each frame would keep the page busy for seconds where a recorded run arrives at once.
  drawSoon() { this.drawing ??= setTimeout(() => this.draw(), DRAWN_EVERY_MS) }

  draw() {
    this.drawing = null
    const boxes = [this.part("frames"), this.part("text")]
    const followed = boxes.filter(isAtEnd)
    const [list, pane] = boxes
    list.append(...this.rows.splice(0).slice(-KEPT))
    while (list.childElementCount > KEPT) list.firstElementChild.remove()
    pane.append(this.text)
    this.text = ""
    this.figures()
    for (const box of followed) box.scrollTop = box.scrollHeight
  }

  figures() {
    const shown = [t("{count} frames", { count: inDigits(this.count) })]
    if (this.count > KEPT) shown.push(t("{count} older frames hidden", { count: inDigits(this.count - KEPT) }))
    if (this.gaps.length) {
      shown.push(t("median gap {time}", { time: milliseconds(median(this.gaps.slice(-500))) }))
      shown.push(t("longest {time}", { time: milliseconds(this.gaps.reduce((a, b) => Math.max(a, b))) }))
    }
    shown.push(reconnects(this.reconnects))
    this.part("figures").replaceChildren(
      ...shown.map((words) => Object.assign(document.createElement("span"), { textContent: words })),
    )
  }

  async breakConnection() {
    this.broken = { id: this.lastId, at: performance.now() }
    this.buttons()
    this.say(t("Breaking the connection …"))
    const answer = await fetch(this.data.breakUrl, { method: "POST" }).catch(() => null)
    if (answer?.ok) return
    this.broken = null
    this.say(t("The server did not break the connection."))
    this.buttons()
  }

  async finish(event) {
    this.frame(event)
    this.stop()
    this.buttons()
    const data = JSON.parse(event.data)
    const words =
      event.type === "error" ? t("{message} (reference {reference})", data) : `${ending(data.status)}.`
    this.say(words)
    const turn = this.turn
    const checked = await this.check().catch(() => t("Could not verify it against the record."))
    if (turn === this.turn) this.say(`${words} ${checked}`)
  }

  // The ids of a stream of text have gaps by nature, so what was received is held against the server's record.
  async check() {
    const answer = await fetch(this.runAddress())
    if (!answer.ok) return t("Could not verify it against the record.")
    const same = (await answer.json()).text === this.received
    const twice = this.repeated ? t("{count} duplicates", { count: this.repeated }) : t("no duplicates")
    return `${reconnects(this.reconnects)}, ${twice}, ${same ? t("no gaps") : t("but the text differs from the record")}.`
  }

  async fetchBytes() {
    this.aborter = new AbortController()
    try {
      const response = await fetch(this.data.url, { signal: this.aborter.signal })
      this.row("", `HTTP ${response.status} ${response.headers.get("content-type")}`)
      if (!response.ok) return this.close(t("Refused: {detail}", await response.json()))
      this.runId = response.headers.get("x-run-id") ?? this.data.runId
      this.say(t("Reading bytes as they arrive."))
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader()
      for (;;) {
        const { value, done } = await reader.read()
        if (done) break
        const now = performance.now()
        const gap = this.lastAt === null ? null : now - this.lastAt
        if (gap !== null) this.gaps.push(gap)
        this.lastAt = now
        this.count += 1
        this.row(`${milliseconds(now - this.began)}${gap === null ? "" : `  +${milliseconds(gap)}`}\n`, value)
        if (this.data.kind === "plain") this.write(value)
      }
      this.close(t("Response complete."))
    } catch (error) {
      if (error.name !== "AbortError") this.close(t("Response cut short."))
    }
  }

  selfTest() {
    const button = this.part("test")
    button.disabled = true
    const arrivals = []
    this.part("verdict").textContent = t("Ten ticks, one every 200 ms …")
    const source = new EventSource(this.data.ticksUrl)
    this.ticks = source
    const end = (words) => { source.close(); button.disabled = false; this.part("verdict").textContent = words }
    source.onmessage = () => arrivals.push(performance.now())
    source.addEventListener("done", () => {
      const gaps = arrivals.slice(1).map((at, index) => at - arrivals[index])
      const bursts = gaps.filter((gap) => gap < 100).length
      end(
        bursts > gaps.length / 3
          ? t("Buffering found: {count} of {total} ticks arrived in bursts. Something between Weir and this browser holds them back.", { count: bursts + 1, total: arrivals.length })
          : t("No buffering found: {count} ticks, median gap {time}.", { count: arrivals.length, time: milliseconds(median(gaps)) }),
      )
    })
    source.onerror = () => end(t("The ticks did not arrive."))
  }
}

export default function ({ data, parentElement, setTriggerValue }) {
  const host = parentElement.querySelector(".client")
  words = data.words
  const known = clients.get(host)
  // A rerun of the page brings the same data again and must not begin the stream again.
  if (known?.data.round !== data.round) {
    known?.stop()
    clients.set(host, new Client(host, data, () => setTriggerValue("again", true)))
  }
  return () => {
    // Streamlit also calls this where the page was drawn again before the script had loaded.
    if (!host.isConnected) clients.get(host)?.stop()
  }
}

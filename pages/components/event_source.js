// A client of Weir's API in the browser: a real EventSource, what it delivers, and what can be measured of it.

const KEPT = 300
const clients = new WeakMap()

const milliseconds = (value) => `${Math.round(value).toLocaleString("en")} ms`
const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]
const reconnects = (count) => `${count} ${count === 1 ? "reconnect" : "reconnects"}`
const sequence = (id) => Number(String(id).split(":").at(-1))

function textOf(kind, data) {
  if (kind === "text") return data.content ?? ""
  const root = (data.parent_ids ?? []).length === 0 && String(data.event).endsWith("_stream")
  const chunk = data.data?.chunk
  return root ? (typeof chunk === "string" ? chunk : (chunk?.content ?? "")) : ""
}

class Client {
  constructor(host, data) {
    this.data = data
    this.part = (name) => host.querySelector(`[data-part=${name}]`)
    this.part("start").onclick = () => this.start()
    this.part("break").onclick = () => this.breakConnection()
    this.part("close").onclick = () => this.close("Closed. A run that nobody reads ends after its grace period.")
    this.part("test").onclick = () => this.selfTest()
    this.start()
  }

  start() {
    this.stop()
    this.opened = performance.now()
    this.gaps = []
    this.count = this.reconnects = this.repeated = 0
    this.lastAt = this.lastId = this.broken = this.runId = null
    this.received = ""
    for (const name of ["text", "frames"]) this.part(name).textContent = ""
    this.figures()
    this.say("Connecting …")
    this.data.reader === "fetch" ? this.fetchBytes() : this.listen()
    this.buttons()
  }

  stop() {
    this.source?.close()
    this.aborter?.abort()
    this.source = this.aborter = null
  }

  close(words) {
    this.stop()
    this.say(words)
    this.buttons()
  }

  buttons() {
    const live = Boolean(this.source || this.aborter)
    this.part("close").disabled = !live
    this.part("break").disabled = !this.source || !this.data.breakUrl
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
      if (source.readyState === EventSource.CLOSED) this.close("Refused: the server did not answer with a stream.")
      else this.say("The connection is gone; the browser is coming back by itself …")
    })
  }

  whenOpened() {
    if (this.count === 0 && !this.broken) return this.say("Connected: frames come as the model writes.")
    this.reconnects += 1
    if (this.broken) {
      const away = performance.now() - this.broken.at
      this.broken.words = `broken after id ${this.broken.id}; back after ${milliseconds(away)} with that Last-Event-ID`
      this.note(this.broken.words)
    }
    this.say("Connected again: the server goes on after the last id.")
    this.figures()
  }

  frame(event) {
    const now = performance.now()
    if (event.lastEventId) {
      if (this.lastId !== null && sequence(event.lastEventId) <= sequence(this.lastId)) this.repeated += 1
      this.lastId = event.lastEventId
      this.runId ??= this.data.runId ?? event.lastEventId.split(":")[0]
    }
    const gap = this.lastAt === null ? null : now - this.lastAt
    if (gap !== null) this.gaps.push(gap)
    this.lastAt = now
    this.count += 1
    const type = event.type === "message" ? "" : `event: ${event.type}\n`
    const when = `${milliseconds(now - this.opened)}${gap === null ? "" : `  +${milliseconds(gap)}`}\n`
    this.row(when, `id: ${event.lastEventId}\n${type}data: ${event.data}`)
    if (event.type === "message") this.write(textOf(this.data.kind, JSON.parse(event.data)))
    this.figures()
  }

  write(text) {
    if (!text) return
    this.received += text
    const pane = this.part("text")
    const atEnd = pane.scrollHeight - pane.scrollTop - pane.clientHeight < 40
    pane.append(text)
    if (atEnd) pane.scrollTop = pane.scrollHeight
  }

  row(when, words) {
    const item = document.createElement("li")
    const time = Object.assign(document.createElement("span"), { className: "when", textContent: when })
    item.append(time, words)
    this.append(item)
  }

  note(words) { this.append(Object.assign(document.createElement("li"), { className: "note", textContent: words })) }

  append(item) {
    const list = this.part("frames")
    const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 40
    list.append(item)
    while (list.childElementCount > KEPT) list.firstElementChild.remove()
    if (atEnd) list.scrollTop = list.scrollHeight
  }

  figures() {
    const shown = [`${this.count.toLocaleString("en")} frames`]
    if (this.count > KEPT) shown.push(`last ${KEPT} shown`)
    if (this.gaps.length) {
      shown.push(`median gap ${milliseconds(median(this.gaps.slice(-500)))}`)
      shown.push(`longest ${milliseconds(this.gaps.reduce((a, b) => Math.max(a, b)))}`)
    }
    shown.push(reconnects(this.reconnects))
    this.part("figures").replaceChildren(
      ...shown.map((words) => Object.assign(document.createElement("span"), { textContent: words })),
    )
  }

  async breakConnection() {
    this.broken = { id: this.lastId, at: performance.now(), text: this.received.length }
    this.part("break").disabled = true
    this.say("Breaking the connection …")
    const answer = await fetch(this.data.breakUrl, { method: "POST" })
    if (!answer.ok) this.say("The server did not break the connection.")
    this.part("break").disabled = !this.source
  }

  async finish(event) {
    this.frame(event)
    this.stop()
    this.buttons()
    const data = JSON.parse(event.data)
    const words = event.type === "error" ? `${data.message} (reference ${data.reference})` : `Ended: ${data.status}.`
    this.say(`${words} ${await this.check()}`)
  }

  // The ids of a stream of text have gaps by nature, so what was received is held against the server's record.
  async check() {
    const answer = await fetch(`/api/runs/${this.runId}${this.data.ticket ? `?ticket=${this.data.ticket}` : ""}`)
    if (!answer.ok) return ""
    const same = (await answer.json()).text === this.received
    const twice = this.repeated ? `${this.repeated} frames came twice` : "nothing twice"
    return `${reconnects(this.reconnects)}, ${twice}, ${same ? "nothing missing" : "but the text is not the record's"}.`
  }

  async fetchBytes() {
    this.aborter = new AbortController()
    try {
      const response = await fetch(this.data.url, { signal: this.aborter.signal })
      this.row("", `HTTP ${response.status} ${response.headers.get("content-type")}`)
      this.say("Reading the bytes as they come.")
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader()
      for (;;) {
        const { value, done } = await reader.read()
        if (done) break
        const now = performance.now()
        const gap = this.lastAt === null ? null : now - this.lastAt
        if (gap !== null) this.gaps.push(gap)
        this.lastAt = now
        this.count += 1
        this.row(`${milliseconds(now - this.opened)}${gap === null ? "" : `  +${milliseconds(gap)}`}\n`, value)
        if (this.data.kind === "plain") this.write(value)
        this.figures()
      }
      this.close("The body ended as it should.")
    } catch (error) {
      if (error.name !== "AbortError") this.close("The body broke off: what came is not the whole.")
    }
  }

  selfTest() {
    const button = this.part("test")
    button.disabled = true
    const arrivals = []
    this.part("verdict").textContent = "Ten ticks, one every 200 ms …"
    const source = new EventSource(this.data.ticksUrl)
    const end = (words) => { source.close(); button.disabled = false; this.part("verdict").textContent = words }
    source.onmessage = () => arrivals.push(performance.now())
    source.addEventListener("done", () => {
      const gaps = arrivals.slice(1).map((at, index) => at - arrivals[index])
      const bursts = gaps.filter((gap) => gap < 100).length
      end(
        bursts > gaps.length / 3
          ? `Something between Weir and this browser buffers: ${bursts + 1} of ${arrivals.length} ticks came in bursts.`
          : `Nothing in between buffers: ${arrivals.length} ticks, median gap ${milliseconds(median(gaps))}.`,
      )
    })
    source.onerror = () => end("The ticks did not come through.")
  }
}

export default function ({ data, parentElement }) {
  const host = parentElement.querySelector(".client")
  const known = clients.get(host)
  // A rerun of the page brings the same data again and must not begin the stream again.
  if (known?.data.round !== data.round) {
    known?.stop()
    clients.set(host, new Client(host, data))
  }
  return () => clients.get(host)?.stop()
}

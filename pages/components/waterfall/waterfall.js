// Waterfall of a run: a row for each component, with its figures and its bar on one time axis. The rows are elements, so
// that they can be read and reached by the keyboard. `waterfall_bars.js` and `waterfall_row.js` come before this.
// What a person has folded, zoomed and selected outlasts a reload of the component's data, and its being made anew.
const views = (globalThis.weirWaterfalls ??= new Map())
const instances = new WeakMap()


class Waterfall extends Rows {
  constructor(root) {
    super()
    this.root = root
    this.tree = root.querySelector(".tree")
    this.space = root.querySelector(".space")
    this.rowsBox = root.querySelector(".rows")
    this.canvas = root.querySelector("canvas.bars")
    this.axisCanvas = root.querySelector("canvas.axis")
    this.tip = root.querySelector(".tip")
    this.pool = new Map()
    const events = {
      scroll: [this.tree, () => this.draw()],
      keydown: [this.tree, (event) => this.key(event)],
      click: [this.tree, (event) => this.click(event)],
      pointermove: [this.tree, (event) => this.move(event)],
      pointerdown: [this.tree, (event) => this.press(event)],
      pointerleave: [this.tree, () => this.hide()],
      wheel: [this.tree, (event) => this.wheel(event)],
    }
    for (const [name, [target, act]] of Object.entries(events)) target.addEventListener(name, act, { passive: name !== "wheel" && name !== "keydown" })
    for (const [name, act] of Object.entries({ in: () => this.zoom(0.5), out: () => this.zoom(2), whole: () => this.fit() }))
      root.querySelector(`[data-part=${name}]`).onclick = act
    this.resize = new ResizeObserver(() => this.draw())
    this.resize.observe(this.tree)
    this.scheme = matchMedia("(prefers-color-scheme: dark)")
    this.recolor = () => requestAnimationFrame(() => this.draw())
    this.scheme.addEventListener("change", this.recolor)
  }

  close() {
    this.resize.disconnect()
    this.scheme.removeEventListener("change", this.recolor)
  }

  nameParts() {
    const names = { in: [t("Zoom in"), t("Zoom in (+, Ctrl and wheel)")], out: [t("Zoom out"), t("Zoom out (-)")], whole: [t("Whole run"), t("Whole run (0)")] }
    for (const [part, [name, title]] of Object.entries(names)) {
      const button = this.root.querySelector(`[data-part=${part}]`)
      button.setAttribute("aria-label", name)
      button.title = title
    }
    const heads = this.root.querySelectorAll(".cells > span:not(.zoom)")
    const texts = ["", t("took"), t("first"), t("tokens")]
    heads.forEach((head, index) => { head.textContent = texts[index] })
  }

  update(data, pick) {
    this.pick = pick
    this.nameParts()
    const fresh = this.data?.id !== data.id
    this.data = data
    if (!views.has(data.id)) views.set(data.id, { folded: new Map(), from: 0, to: null, selected: data.selected, server: data.selected })
    this.view = views.get(data.id)
    // A run of many rows begins folded, and so do its groups; what failed opens by itself.
    const many = data.rows.length > 200
    this.parents = data.rows.map((row) => row.parent)
    this.inner = Map.groupBy(data.rows.keys(), (at) => data.rows[at].parent)
    this.hasInner = new Set(this.parents)
    const opened = new Set()
    data.rows.forEach((row, at) => {
      if (row.status === "failed" || row.status === "running" && !row.group) for (let up = row.parent; up >= 0 && !opened.has(up); up = this.parents[up]) opened.add(up)
    })
    this.byDefault = (at) => !opened.has(at) && (!!data.rows[at].group || (many && data.rows[at].depth >= 1))
    if (fresh) this.pool.clear()
    this.lay()
    if (data.selected !== this.view.server || fresh) {
      this.view.server = data.selected
      this.select(data.selected, false)
    }
    this.root.querySelector(".hidden").textContent = data.hidden ? t("{count} more components are not drawn.", { count: inDigits(data.hidden) }) : ""
    this.tree.setAttribute("aria-label", data.label ?? t("Components of the run"))
  }

  isFolded(at) {
    return this.hasInner.has(at) && (this.view.folded.get(this.data.rows[at].seq + (this.data.rows[at].group ? "g" : "")) ?? this.byDefault(at))
  }

  fold(at, folded) {
    if (!this.hasInner.has(at)) return
    this.view.folded.set(this.data.rows[at].seq + (this.data.rows[at].group ? "g" : ""), folded)
    this.lay()
  }

  lay() {
    const hidden = new Set()
    this.shown = []
    this.data.rows.forEach((row, at) => {
      if (row.parent >= 0 && (hidden.has(row.parent) || this.isFolded(row.parent))) hidden.add(at)
      else this.shown.push(at)
    })
    this.place = new Map(this.shown.map((at, index) => [at, index]))
    this.space.style.height = `${this.shown.length * ROW}px`
    this.draw()
  }

  // The row of an event's component; a group stands in for it nowhere.
  rowOf(seq) {
    return this.data.rows.findIndex((row) => row.seq === seq && !row.group)
  }

  select(seq, send, event = seq) {
    this.view.selected = seq
    const at = this.rowOf(seq)
    if (at >= 0) {
      let folds = false
      for (let up = this.parents[at]; up >= 0; up = this.parents[up]) {
        if (!this.isFolded(up)) continue
        this.view.folded.set(this.data.rows[up].seq + (this.data.rows[up].group ? "g" : ""), false)
        folds = true
      }
      if (folds || !this.place) this.lay()
      const top = this.place.get(at) * ROW
      if (top < this.tree.scrollTop) this.tree.scrollTop = top
      else if (top + ROW > this.tree.scrollTop + this.tree.clientHeight) this.tree.scrollTop = top + ROW - this.tree.clientHeight
    }
    if (this.place) this.draw()
    if (send) {
      // Held arrow keys are many: only where they rest is told.
      clearTimeout(this.sending)
      this.sending = setTimeout(() => this.pick?.(event), 90)
    }
  }

  key(event) {
    const index = this.place.get(this.rowOf(this.view.selected)) ?? -1
    const at = this.shown[index]
    const page = Math.max(1, Math.floor(this.tree.clientHeight / ROW) - 1)
    const moves = { ArrowDown: index + 1, ArrowUp: index - 1, Home: 0, End: this.shown.length - 1, PageDown: index + page, PageUp: index - page }
    if (event.key in moves && !event.ctrlKey && !event.metaKey && !event.altKey) {
      const step = moves[event.key] < index ? -1 : 1
      let next = Math.min(this.shown.length - 1, Math.max(0, moves[event.key]))
      // A folded group has no component of its own: it opens as one walks over it.
      if (this.data.rows[this.shown[next]].group) {
        if (this.isFolded(this.shown[next]) && step > 0) this.fold(this.shown[next], false)
        next = Math.min(this.shown.length - 1, Math.max(0, next + step))
      }
      const row = this.data.rows[this.shown[next]]
      if (!row.group) this.select(row.seq, true)
    } else if (event.key === "ArrowRight" && at !== undefined && this.isFolded(at)) this.fold(at, false)
    else if (event.key === "ArrowLeft" && at !== undefined) {
      if (this.hasInner.has(at) && !this.isFolded(at)) this.fold(at, true)
      else {
        let up = this.parents[at]
        if (up >= 0 && this.data.rows[up].group) { this.fold(up, true); up = this.parents[up] }
        if (up >= 0) this.select(this.data.rows[up].seq, true)
      }
    } else if (event.key === "+" || event.key === "=") this.zoom(0.5)
    else if (event.key === "-") this.zoom(2)
    else if (event.key === "0") this.fit()
    else if (event.key === "Enter" || event.key === " ") this.select(this.view.selected, true)
    else return
    event.preventDefault()
    event.stopPropagation()
  }

  zoom(factor, around = null) {
    const [from, to] = this.window()
    const center = around ?? (from + to) / 2
    const span = Math.max(1e-3, (to - from) * factor)
    if (span >= this.data.axis) return this.fit()
    this.show(center - (center - from) * (span / (to - from)), span)
  }

  show(from, span) {
    this.view.from = Math.max(0, Math.min(from, this.data.axis - span))
    this.view.to = this.view.from + span
    this.draw()
  }

  fit() {
    this.view.from = 0
    this.view.to = null
    this.draw()
  }

  wheel(event) {
    if (!event.ctrlKey && !event.shiftKey) return
    event.preventDefault()
    const [from, to] = this.window()
    if (event.ctrlKey) this.zoom(event.deltaY > 0 ? 1.25 : 0.8, this.time(event))
    else this.show(from + ((event.deltaY || event.deltaX) / 800) * (to - from), to - from)
  }

  press(event) {
    if (event.button || this.time(event) === null) return
    const begin = event.clientX
    const [from, to] = this.window()
    const drag = (moved) => {
      if (Math.abs(moved.clientX - begin) < 4 && !this.dragged) return
      this.dragged = true
      if (this.view.to !== null) this.show(from - ((moved.clientX - begin) / this.width) * (to - from), to - from)
    }
    const drop = () => {
      removeEventListener("pointermove", drag)
      removeEventListener("pointerup", drop)
      setTimeout(() => (this.dragged = false))
    }
    addEventListener("pointermove", drag)
    addEventListener("pointerup", drop)
  }

  time(event) {
    const box = this.canvas.getBoundingClientRect()
    const x = event.clientX - box.left
    if (x < 0 || x > box.width) return null
    const [from, to] = this.window()
    return from + (x / box.width) * (to - from)
  }

  under(event) {
    const index = Math.floor((event.clientY - this.tree.getBoundingClientRect().top + this.tree.scrollTop) / ROW)
    return this.shown[index]
  }

  click(event) {
    const at = this.under(event)
    if (at === undefined || this.dragged) return
    const row = this.data.rows[at]
    if (row.group || event.target.closest?.(".caret")) return this.fold(at, !this.isFolded(at))
    const mark = this.markAt(row, event)
    this.select(row.seq, true, mark ? mark.seq : row.seq)
  }

  // The mark under the pointer, within three pixels.
  markAt(row, event) {
    const time = this.time(event)
    if (time === null || !row.marks) return null
    const [from, to] = this.window()
    let best = null
    for (const mark of this.marks(row)) {
      const distance = Math.abs(mark.at - time)
      if (distance <= (3 / this.width) * (to - from) && (!best || distance < best.distance)) best = { ...mark, distance }
    }
    return best
  }

  move(event) {
    const at = this.under(event)
    if (at === undefined || event.pointerType === "touch") return this.hide()
    const row = this.data.rows[at]
    const time = this.time(event)
    const mark = this.markAt(row, event)
    const lines = [row.group ? `${row.name} × ${row.group}` : `${row.name} · ${row.kind}`, `${SIGNS[row.status]} ${this.sentence(row)}`]
    if (row.first !== undefined) lines.push(t("first chunk {time} after its start", { time: seconds(row.first - row.start) }))
    const counts = [row.chunks && chunks(row.chunks), row.tokensIn && t("{count} tokens in", { count: inDigits(row.tokensIn) }), row.tokens && t("{count} tokens out", { count: inDigits(row.tokens) }), row.rate && t("{count} tokens/s", { count: inDigits(row.rate) })].filter(Boolean)
    if (counts.length) lines.push(counts.join(" · "))
    for (let part = 0; time !== null && part < (row.phases?.length ?? 0); part += 3) {
      const [what, start, end] = row.phases.slice(part, part + 3)
      if (start <= time && time <= end) lines.push(`${labelOf(what)} ${seconds(end - start)}`)
    }
    if (mark) lines.push(t("{chunks} at {time}, event {number}", { chunks: chunks(mark.count), time: seconds(mark.at), number: mark.seq }))
    else if (time !== null) lines.push(t("here: {time} since the start", { time: seconds(time) }))
    if (row.error) lines.push(row.error)
    this.tip.replaceChildren(...lines.map((line) => make("div", "", line)))
    this.tip.hidden = false
    const box = this.root.getBoundingClientRect()
    const left = Math.min(event.clientX - box.left + 14, box.width - this.tip.offsetWidth - 4)
    const below = event.clientY - box.top + 16
    this.tip.style.left = `${Math.max(4, left)}px`
    this.tip.style.top = `${below + this.tip.offsetHeight > box.height ? Math.max(0, below - 28 - this.tip.offsetHeight) : below}px`
  }

  hide() {
    this.tip.replaceChildren()
    this.tip.hidden = true
  }

  draw() {
    if (!this.data || !this.shown || !this.tree.clientWidth) return
    const top = this.tree.scrollTop
    const first = Math.max(0, Math.floor(top / ROW) - 2)
    const last = Math.min(this.shown.length, Math.ceil((top + this.tree.clientHeight) / ROW) + 2)
    const selected = this.rowOf(this.view.selected)
    const elements = []
    for (let index = first; index < last; index += 1) {
      const at = this.shown[index]
      const key = JSON.stringify([this.data.rows[at].status, this.data.rows[at].end, this.data.rows[at].first, this.data.rows[at].tokens, this.data.rows[at].seq, this.data.rows[at].group, this.data.rows[at].phases?.at(-3), this.isFolded(at)])
      let item = this.pool.get(at)
      if (item?.key !== key) this.pool.set(at, (item = { key, element: this.element(at) }))
      item.element.style.top = `${index * ROW}px`
      item.element.setAttribute("aria-selected", at === selected)
      item.element.setAttribute("aria-level", this.data.rows[at].depth + 1)
      if (this.hasInner.has(at)) item.element.setAttribute("aria-expanded", !this.isFolded(at))
      item.element.classList.toggle("selected", at === selected)
      item.element.classList.toggle("failed", this.data.rows[at].status === "failed")
      elements.push(item.element)
    }
    if (this.pool.size > 400) this.pool.clear()
    const same = elements.length === this.rowsBox.children.length && elements.every((element, index) => this.rowsBox.children[index] === element)
    if (!same) this.rowsBox.replaceChildren(...elements)
    if (this.place.has(selected)) this.tree.setAttribute("aria-activedescendant", `weir-row-${selected}`)
    else this.tree.removeAttribute("aria-activedescendant")
    this.paint(first, last)
  }
}

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".waterfall")
  words = data.words ?? {}
  let waterfall = instances.get(root)
  if (!waterfall) instances.set(root, (waterfall = new Waterfall(root)))
  waterfall.update(data, setTriggerValue && ((seq) => setTriggerValue("pick", seq)))
  return () => {
    // Streamlit also calls this where the page was drawn again before the script had loaded.
    if (root.isConnected) return
    waterfall.close()
    instances.delete(root)
  }
}

// Bars of a waterfall, drawn on a canvas: only the rows in sight, so that a thousand rows cost what twenty do.
const ROW = 22
const AXIS = 24
const labelOf = (what) => ({
  waiting: t("waits for the model"), thinking: t("thinks"), calling: t("writes a tool call"), writing: t("writes text"),
  tool: t("tool at work"), node: t("at work"), failed: t("failed"),
})[what]
const SIGNS = { running: "●", done: "✓", failed: "✗", interrupted: "◌" }
const COLORS = {
  waiting: "#8a9699", thinking: "#8a6cc2", calling: "#d08a1d", writing: "#2f93a0", tool: "#4a7fd0", node: "#7d8f96",
  failed: "#cf4b4b", running: "#d08a1d", done: "#2f93a0", interrupted: "#8a9699",
}
const fixed = (value, places) => inDigits(value, { minimumFractionDigits: places, maximumFractionDigits: places, useGrouping: false })
const seconds = (value) => (value < 1 ? `${fixed(value * 1e3, value < 0.01 ? 1 : 0)} ms` : value < 100 ? `${fixed(value, 2)} s` : `${Math.floor(value / 60)} min ${fixed(value % 60, 0)} s`)

// What a waterfall draws. It has `root`, `tree`, `rowsBox`, `canvas`, `axisCanvas`, `data`, `view`, `shown` and `inner`.
class Bars {
  window() {
    const from = this.view.from
    return [from, this.view.to ?? this.data.axis]
  }

  *marks(row) {
    let ticks = 0
    for (let at = 0; at < (row.marks?.length ?? 0); at += 3) {
      ticks += row.marks[at]
      yield { at: ticks / 1e4, count: row.marks[at + 1], seq: row.marks[at + 2], number: at / 3 }
    }
  }

  paint(first, last) {
    const style = getComputedStyle(this.root)
    const ink = style.color
    const left = this.rowsBox.querySelector(".tokens")
    const offset = left ? left.getBoundingClientRect().right - this.tree.getBoundingClientRect().left + 6 : 0
    const scale = devicePixelRatio || 1
    this.width = Math.max(10, this.tree.clientWidth - offset - 8)
    this.canvas.style.left = this.axisCanvas.style.left = `${offset}px`
    const size = (canvas, height) => {
      const [wide, high] = [Math.round(this.width * scale), Math.round(height * scale)]
      if (canvas.width !== wide || canvas.height !== high) Object.assign(canvas, { width: wide, height: high })
      canvas.style.width = `${this.width}px`
      canvas.style.height = `${height}px`
      const context = canvas.getContext("2d")
      context.setTransform(scale, 0, 0, scale, 0, 0)
      context.clearRect(0, 0, this.width, height)
      return context
    }
    const height = this.tree.clientHeight
    this.canvas.style.top = `${this.tree.scrollTop}px`
    const [from, to] = this.window()
    const x = (time) => ((time - from) / (to - from)) * this.width
    const axis = size(this.axisCanvas, AXIS)
    const bars = size(this.canvas, height)
    this.paintAxis(axis, bars, x, from, to, ink, height, style.fontFamily)
    for (let index = first; index < last; index += 1) this.paintRow(bars, this.shown[index], index * ROW - this.tree.scrollTop, x, ink)
    if (this.data.at !== null && this.data.at !== undefined) {
      bars.fillStyle = COLORS.running
      bars.fillRect(x(this.data.at) - 0.5, 0, 1.5, height)
    }
  }

  paintAxis(axis, bars, x, from, to, ink, height, font) {
    const rough = ((to - from) / this.width) * 76
    const power = 10 ** Math.floor(Math.log10(rough))
    const step = [1, 2, 5, 10].map((factor) => factor * power).find((value) => value >= rough)
    axis.font = `11px ${font}`
    axis.fillStyle = bars.fillStyle = ink
    axis.textBaseline = "middle"
    for (let time = Math.ceil(from / step) * step; time <= to + step / 1e6; time += step) {
      const text = step >= 1 ? `${fixed(time, 0)} s` : step >= 0.001 && to < 1 ? `${fixed(time * 1e3, 0)} ms` : `${fixed(time, Math.max(0, -Math.floor(Math.log10(step))))} s`
      const wide = axis.measureText(text).width
      if (x(time) + wide < this.width + 6) axis.fillText(text, Math.max(0, x(time) - (time > from ? wide / 2 : 0)), AXIS / 2)
      bars.globalAlpha = 0.12
      bars.fillRect(x(time), 0, 1, height)
    }
    for (const [, at] of this.data.steps ?? []) {
      bars.globalAlpha = 0.3
      for (let y = 0; y < height; y += 5) bars.fillRect(x(at), y, 1, 2)
    }
    bars.globalAlpha = 1
  }

  paintRow(context, at, top, x, ink) {
    const row = this.data.rows[at]
    if (row.group) {
      if (!this.isFolded(at)) return
      const pending = [...(this.inner.get(at) ?? [])]
      for (let next = 0; next < pending.length && next < 400; next += 1) {
        pending.push(...(this.inner.get(pending[next]) ?? []))
        this.paintBar(context, this.data.rows[pending[next]], top, x, ink, false)
      }
      return
    }
    this.paintBar(context, row, top, x, ink, true)
  }

  paintBar(context, row, top, x, ink, marks) {
    const y = top + 5
    const end = row.end ?? this.data.end
    const rect = (from, to, color, high = ROW - 10, alpha = 1) => {
      context.globalAlpha = alpha
      context.fillStyle = color
      context.fillRect(x(from), y + (ROW - 10 - high) / 2, Math.max(1.5, x(to) - x(from)), high)
      context.globalAlpha = 1
    }
    if (!row.phases?.length) rect(row.start, end, COLORS[row.status] ?? COLORS.done, 4, 0.55)
    for (let part = 0; part < (row.phases?.length ?? 0); part += 3) {
      const [what, from, to] = row.phases.slice(part, part + 3)
      if (what === "waiting") this.hatch(context, x(from), y, Math.max(1.5, x(to) - x(from)), COLORS.waiting)
      else rect(from, to, COLORS[what] ?? COLORS.node, ROW - 10, marks && row.marks ? 0.55 : 0.9)
    }
    if (!marks) return
    context.fillStyle = ink
    // Where marks touch each other, the bar's colour shines through.
    const room = Math.abs(x(end) - x(row.first ?? row.start)) / Math.max(1, (row.marks?.length ?? 0) / 3)
    for (const mark of this.marks(row)) {
      context.globalAlpha = room < 3 ? 0.28 : Math.min(0.9, 0.5 + mark.count / 40)
      context.fillRect(x(mark.at) - 0.5, y + 2, 1, ROW - 14)
    }
    context.globalAlpha = 1
    if (row.first !== undefined) context.fillRect(x(row.first) - 1, y - 3, 2, ROW - 4)
  }

  hatch(context, left, top, wide, color) {
    context.save()
    context.beginPath()
    context.rect(left, top, wide, ROW - 10)
    context.clip()
    context.strokeStyle = color
    context.globalAlpha = 0.8
    context.strokeRect(left + 0.5, top + 0.5, wide - 1, ROW - 11)
    context.beginPath()
    for (let at = Math.max(left, 0) - 20; at < Math.min(left + wide, this.width + 20); at += 6) {
      context.moveTo(at, top + ROW - 10)
      context.lineTo(at + ROW - 10, top)
    }
    context.stroke()
    context.restore()
  }
}

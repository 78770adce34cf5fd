// Rows of a waterfall as elements: name with its symbol, status, figures.
// Symbols of the kinds, on a square of 16: no font is needed, so that a saved file has them too.
const SYMBOLS = {
  chat_model: "M8 1l1.8 5.2L15 8l-5.2 1.8L8 15l-1.8-5.2L1 8l5.2-1.8z",
  prompt: "M2 3h12v1.6H2zM2 7.2h12v1.6H2zM2 11.4h8V13H2z",
  parser: "M6 2C3 2 5 7 2.5 8 5 9 3 14 6 14M10 2c3 0 1 5 3.5 6C11 9 13 14 10 14",
  tool: "M13.8 4.2l-2.4 2.4-2-2 2.4-2.4a4 4 0 0 0-5 5L2 12l2 2 4.800-4.800a4 4 0 0 0 5-5z",
  retriever: "M6.500 2a4.500 4.500 0 1 0 0 9 4.500 4.500 0 0 0 0-9zM10 10l4 4",
  chain: "M2 5h5v6H2zM9 5h5v6H9zM7 8h2",
}
SYMBOLS.llm = SYMBOLS.chat_model
const FILLED = new Set(["chat_model", "llm", "prompt", "tool"])
const make = (tag, name, text = "") => Object.assign(document.createElement(tag), { className: name, textContent: text })
const chunks = (count) => (count === 1 ? t("1 chunk") : t("{count} chunks", { count: inDigits(count) }))
const STATUSES = () => ({ running: t("running"), done: t("took"), failed: t("failed"), interrupted: t("interrupted") })

function symbol(kind) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg")
  svg.setAttribute("viewBox", "0 0 16 16")
  svg.setAttribute("class", FILLED.has(kind) ? "filled" : "")
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path")
  path.setAttribute("d", SYMBOLS[kind] ?? SYMBOLS.chain)
  svg.append(path)
  return svg
}

class Rows extends Bars {
  sentence(row) {
    const took = row.group ? row.sum : row.end === null ? this.data.end - row.start : row.end - row.start
    const status = STATUSES()[row.status] ?? row.status
    return t("{status} {time}, from {start}", { status, time: seconds(Math.max(0, took)), start: seconds(row.start) })
  }

  element(at) {
    const row = this.data.rows[at]
    const element = make("div", "row")
    element.setAttribute("role", "treeitem")
    element.id = `weir-row-${at}`
    const took = row.group ? row.sum : row.end === null ? null : row.end - row.start
    const name = make("span", "name")
    name.style.paddingInlineStart = `${Math.min(row.depth, 12) * 11}px`
    const caret = make("span", "caret", this.hasInner.has(at) ? (this.isFolded(at) ? "▸" : "▾") : "")
    caret.setAttribute("aria-hidden", "true")
    const doing = row.status === "running" && row.phases?.length ? labelOf(row.phases.at(-3)) : ""
    const label = make("span", "label", row.name + (row.group ? ` × ${row.group}` : "") + (doing && ` · ${doing}`))
    name.append(caret, symbol(row.kind), label)
    const sign = make("span", `sign ${row.status}`, SIGNS[row.status])
    sign.setAttribute("aria-label", row.status === "done" ? t("done") : STATUSES()[row.status] ?? row.status)
    sign.setAttribute("role", "img")
    element.append(
      name, sign,
      make("span", "took", took === null ? "…" : seconds(Math.max(0, took))),
      make("span", "first", row.first === undefined ? "" : seconds(row.first - row.start)),
      make("span", "tokens", row.tokens ? inDigits(row.tokens) : ""),
    )
    return element
  }
}


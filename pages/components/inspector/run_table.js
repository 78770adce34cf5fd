// The list of runs. Rows are kept by their run's id, so that focus and choice outlast an update of a live run.

const SIGNS = {
  writing: '<path d="M4 20l1-4L16 5l3 3L8 19z"/>',
  done: '<circle cx="12" cy="12" r="9"/><path d="M8 12l3 3 5-6"/>',
  waiting: '<circle cx="12" cy="12" r="9"/><path d="M12 7v5l3 3"/>',
  stopped: '<circle cx="12" cy="12" r="9"/><path d="M9 9h6v6H9z"/>',
  lost: '<path d="M7 18h10a4 4 0 0 0 1-8 6 6 0 0 0-11-1 4.5 4.5 0 0 0 0 9zM4 4l16 16"/>',
  cut_off: '<path d="M4 12h6M14 12h6M11 6l2 12"/>',
  failed: '<circle cx="12" cy="12" r="9"/><path d="M12 7v6M12 16.5v.5"/>',
}
const PIN = '<path d="M9 4h6l-1 6 3 3H7l3-3zM12 13v7"/>'
const BIN = '<path d="M5 7h14M10 7V5h4v2M7 7l1 12h8l1-12"/>'
const DOCTOR = '<path d="M12 4l9 16H3zM12 10v5M12 17v.5"/>'
const NUMBERS = new Set(["first_token", "seconds", "tokens", "cost", "findings"])
const icon = (paths, kind) => `<svg class="${kind}" viewBox="0 0 24 24" aria-hidden="true">${paths}</svg>`

const make = (tag, properties = {}, ...children) => {
  const element = Object.assign(document.createElement(tag), properties)
  element.append(...children)
  return element
}
const kindOf = (key) => (NUMBERS.has(key) ? `number ${key}` : key)

class RunTable {
  constructor(root) {
    this.chosen = new Set()
    this.rows = new Map()
    this.count = make("span")
    this.compare = make("button", { type: "button", textContent: t("Compare the two") })
    this.remove = make("button", { type: "button", textContent: t("Delete") })
    this.clear = make("button", { type: "button", textContent: t("Clear") })
    this.count.setAttribute("role", "status")
    this.columns = make("colgroup")
    this.head = make("tr")
    this.body = make("tbody")
    this.bar = make("div", { className: "bar" }, this.count, this.compare, this.remove, this.clear)
    this.bar.setAttribute("role", "group")
    this.bar.setAttribute("aria-label", t("Chosen runs"))
    const caption = make("caption", { className: "hidden", textContent: t("Runs") })
    root.replaceChildren(this.bar, make("table", {}, caption, this.columns, make("thead", {}, this.head), this.body))
    this.compare.onclick = () => this.send("compare", this.inOrder())
    this.remove.onclick = () => this.send("remove", this.inOrder())
    this.clear.onclick = () => { this.chosen.clear(); this.showChoice() }
    this.body.onkeydown = (event) => this.onKey(event)
  }

  update(data, send) {
    this.send = (name, value) => {
      if (name !== "sort" && name !== "pin") this.chosen.clear()
      send(name, value)
    }
    this.data = data
    this.drawHead()
    const known = new Set(data.rows.map((row) => row.id))
    for (const [id, row] of this.rows) {
      if (!known.has(id)) { row.element.remove(); this.rows.delete(id); this.chosen.delete(id) }
    }
    data.rows.forEach((row, index) => {
      const shape = data.columns.map((column) => column.key).join()
      let shown = this.rows.get(row.id)
      if (shown === undefined || shown.shape !== shape) {
        shown?.element.remove()
        shown = { element: this.makeRow(row, data.columns), shape, text: "" }
        this.rows.set(row.id, shown)
      }
      const text = JSON.stringify(row)
      if (shown.text !== text) { this.fillRow(shown.element, row); shown.text = text }
      if (this.body.children[index] !== shown.element) this.body.insertBefore(shown.element, this.body.children[index])
    })
    this.showChoice()
  }

  drawHead() {
    const { columns, sort, ascending } = this.data
    const drawn = JSON.stringify([columns, sort, ascending])
    if (drawn === this.drawn) return
    const focused = this.head.getRootNode().activeElement?.dataset?.key
    this.drawn = drawn
    this.columns.replaceChildren(
      make("col", { className: "check" }),
      ...columns.map(({ key }) => make("col", { className: kindOf(key) })),
      make("col", { className: "actions" }),
    )
    const cells = columns.map(({ key, label, help }) => {
      const button = make("button", { type: "button", title: help, onclick: () => this.send("sort", key) }, label)
      button.dataset.key = key
      const cell = make("th", { className: kindOf(key), scope: "col" }, button)
      if (key === sort) {
        cell.setAttribute("aria-sort", ascending ? "ascending" : "descending")
        const arrow = make("span", { textContent: ascending ? "↑" : "↓" })
        arrow.setAttribute("aria-hidden", "true")
        button.append(arrow)
      }
      return cell
    })
    const blank = (text) => make("th", { scope: "col" }, make("span", { className: "hidden", textContent: text }))
    this.head.replaceChildren(blank(t("Choose")), ...cells, blank(t("Pin, delete")))
    if (focused) this.head.querySelector(`[data-key="${focused}"]`)?.focus()
  }

  makeRow(row, columns) {
    const { id } = row
    const box = make("input", { type: "checkbox" })
    box.onchange = () => {
      if (box.checked) this.chosen.add(id)
      else this.chosen.delete(id)
      this.showChoice()
    }
    const link = make("a", { href: `?run=${encodeURIComponent(id)}` })
    link.onclick = (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey || event.button) return
      event.preventDefault()
      this.send("open", id)
    }
    const cells = columns.map(({ key, label }) => {
      const cell = make("td", { className: kindOf(key) })
      cell.dataset.key = key
      cell.dataset.label = label
      if (key === "chain") cell.append(link)
      return cell
    })
    const pin = make("button", { type: "button", className: "icon pin", innerHTML: icon(PIN, "") })
    pin.onclick = () => this.send("pin", { id, to: pin.getAttribute("aria-pressed") !== "true" })
    const remove = make("button", { type: "button", className: "icon remove", innerHTML: icon(BIN, "") })
    remove.onclick = () => this.send("remove", [id])
    return make(
      "tr", {},
      make("td", { className: "check" }, make("label", { className: "box" }, box)),
      ...cells,
      make("td", { className: "actions" }, pin, remove),
    )
  }

  fillRow(element, row) {
    const name = `${row.cells.chain}: ${row.input}`
    element.dataset.id = row.id
    element.querySelector("input").setAttribute("aria-label", t("Choose {name}", { name }))
    for (const cell of element.querySelectorAll("td[data-key]")) {
      const key = cell.dataset.key
      const text = row.cells[key] ?? ""
      if (key === "chain") {
        const parts = [make("b", { textContent: text })]
        if (row.cells.page) parts.push(make("span", { className: "page", textContent: row.cells.page }))
        parts.push(make("span", { className: "input", textContent: row.input }))
        cell.firstChild.replaceChildren(...parts)
        cell.title = name
      } else if (key === "status") {
        cell.innerHTML = icon(SIGNS[row.status] ?? "", `sign ${row.status}`)
        cell.append(text)
      } else if (key === "findings" && text) {
        cell.innerHTML = icon(DOCTOR, "sign doctor")
        cell.append(text)
        cell.title = row.finding
      } else {
        cell.textContent = text
        cell.title = key === "model" ? text : ""
      }
    }
    const pin = element.querySelector(".pin")
    pin.setAttribute("aria-pressed", String(row.pinned))
    pin.setAttribute("aria-label", t("Pin {name}", { name }))
    pin.title = row.pinned ? t("Unpin") : t("Pin: is removed last")
    const remove = element.querySelector(".remove")
    remove.setAttribute("aria-label", t("Delete {name}", { name }))
    remove.title = t("Delete")
    pin.disabled = remove.disabled = row.live
  }

  inOrder() {
    return this.data.rows.map((row) => row.id).filter((id) => this.chosen.has(id))
  }

  showChoice() {
    const count = this.chosen.size
    for (const [id, { element }] of this.rows) {
      element.classList.toggle("selected", this.chosen.has(id))
      element.querySelector("input").checked = this.chosen.has(id)
    }
    this.count.textContent = count ? t("{count} chosen", { count }) : t("Choose two to compare")
    this.bar.classList.toggle("any", count > 0)
    this.compare.disabled = count !== 2
    this.remove.disabled = this.clear.disabled = count === 0
  }

  onKey(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key]
    if (!step || event.altKey || event.ctrlKey || event.metaKey) return
    const links = [...this.body.querySelectorAll("a")]
    const here = event.target.closest("tr")?.querySelector("a")
    const next = links[links.indexOf(here) + step]
    if (next) { event.preventDefault(); next.focus() }
  }
}

const tables = new WeakMap()

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".runs")
  words = data.words
  if (!tables.has(root)) tables.set(root, new RunTable(root))
  tables.get(root).update(data, setTriggerValue)
}

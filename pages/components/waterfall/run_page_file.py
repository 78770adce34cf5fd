"""A run as one `.html` file that opens anywhere, without Weir: waterfall, data, findings, text and figures.

Nothing is fetched, and only the file's own script runs: its policy names the script by its hash. What the run holds is
escaped in the page, and in the script's data.
"""

import base64
import hashlib
import html
from collections.abc import Sequence
from typing import Any

from pages.components.waterfall.waterfall_view import HTML, script, style
from weir.analysis.answer_reader import answer_text
from weir.analysis.component_data import component_data
from weir.analysis.finding import Finding
from weir.analysis.metrics_line import metrics_line
from weir.analysis.outcome import outcome
from weir.analysis.run_snapshot import RunSnapshot
from weir.analysis.waterfall_rows import MAX_ROWS, waterfall
from weir.core import serialization
from weir.runs.run import Run
from weir.text.invisible_characters import replace_invisible

MAX_CHARS = 20_000
"""Characters of one value."""
MAX_DATA_CHARS = 4_000_000
"""Characters of all values; components beyond have none."""
MAX_TEXT_CHARS = 200_000
MAX_FINDINGS = 50
ROWS = 20
"""Rows of the waterfall that are in sight."""

_STYLE = """
:root { color-scheme: light dark; --st-font: system-ui, sans-serif; --st-code-font: ui-monospace, monospace;
  --st-text-color: light-dark(#0b1417, #e4ecee); --st-background-color: light-dark(#fff, #10181b);
  --st-secondary-background-color: light-dark(#f2f5f6, #1a2529); --st-border-color: light-dark(#d5dee0, #33444a);
  --st-primary-color: light-dark(#0e6e7c, #6fcbd5); --st-base-radius: 8px; }
body { margin: 0 auto; max-width: 1400px; padding: 16px 20px; font: 15px/1.5 var(--st-font);
  color: var(--st-text-color); background: var(--st-background-color); }
h1 { font-size: 1.4rem; margin: 0 0 .25rem; } h2 { font-size: 1rem; margin: 1rem 0 .25rem; }
.sides { display: grid; grid-template-columns: 11fr 10fr; gap: 16px; margin-top: 12px; }
@media (max-width: 800px) { .sides { grid-template-columns: 1fr; } }
pre { margin: 0; white-space: pre-wrap; overflow-wrap: anywhere; font: 13px/1.5 var(--st-code-font); }
#data { height: 466px; overflow: auto; box-sizing: border-box; padding: 8px 12px;
  border: 1px solid var(--st-border-color); border-radius: 8px; }
"""

_START = """
const run = JSON.parse(document.getElementById("run").textContent)
const panel = document.getElementById("data")
const show = (seq) => {
  const row = run.waterfall.rows.find((one) => !one.group && one.seq === (run.owners[seq] ?? seq))
  const data = run.data[row ? row.seq : run.waterfall.rows[0].seq]
  panel.replaceChildren(...Object.entries(data ?? {}).flatMap(([name, text]) => {
    const title = document.createElement("h2"), value = document.createElement("pre")
    title.textContent = name
    value.textContent = text
    return [title, value]
  }))
  draw({ ...run.waterfall, selected: row?.seq ?? null, at: null })
}
const draw = (data) =>
  waterfall({ data: { ...data, id: "run" }, parentElement: document.body, setTriggerValue: (_, seq) => show(seq) })
show(run.waterfall.rows[0].seq)
"""


def run_page(run: Run, seen: RunSnapshot, findings: Sequence[Finding]) -> bytes:
    """Return the file of a run that has begun."""
    assert seen.root is not None
    metrics = seen.metrics()
    rows = waterfall(seen.root, seen.events[-1].elapsed)
    code = script().replace("export default function", "const waterfall = function") + _START
    digest = base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()
    policy = f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; base-uri 'none'"
    value = {"waterfall": rows, "owners": _owners(rows), "data": _data(seen)}
    title = _escaped(f"{run.name} · {outcome(run, metrics).status.value}")
    found = "".join(
        f"<li><b>{_escaped(one.kind.message)}</b>: {_escaped(one.evidence)} {_escaped(one.kind.hint)}</li>"
        for one in findings[:MAX_FINDINGS]
    )
    text = _escaped(answer_text(seen.events)[:MAX_TEXT_CHARS])
    page = (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        f'<meta name="viewport" content="width=device-width"><title>{title}</title>\n'
        f"<style>{_STYLE}{style(ROWS)}</style></head>\n<body><main>\n<h1>{title}</h1>\n"
        f"<div>{len(seen.events):,} events · {_escaped(metrics_line(metrics))}</div>\n"
        f"<h2>Input</h2><pre>{_escaped(_as_text(run.input))}</pre>\n"
        f'<div class="sides"><div>{HTML}</div>'
        f'<div id="data" tabindex="0" role="region" aria-label="Data"></div></div>\n'
        f"<h2>Doctor</h2><ul>{found or '<li>Nothing delays the stream of this run.</li>'}</ul>\n"
        f"<h2>Text</h2><pre>{text}</pre></main>\n"
        f'<script type="application/json" id="run">{_as_script_data(value)}</script>\n'
        f'<script type="module">{code}</script>\n</body></html>\n'
    )
    return page.encode("utf-8", "replace")


def _owners(rows: dict[str, Any]) -> dict[str, int]:
    """Return which row the event of each mark belongs to."""
    owners: dict[str, int] = {}
    for row in rows["rows"]:
        owners |= dict.fromkeys(map(str, row.get("marks", ())[2::3]), row["seq"])
    return owners


def _data(seen: RunSnapshot) -> dict[str, dict[str, str]]:
    """Return what each component was given and gave, as texts by the number of its row."""
    data: dict[str, dict[str, str]] = {}
    left = MAX_DATA_CHARS
    for node in list(seen.nodes.values())[:MAX_ROWS]:
        if left <= 0:
            break
        known = component_data(node, seen.events)
        parts = {"Input": known.messages or known.input, "Output": known.answer or known.output, "Error": node.error}
        parts["Parameters"] = known.parameters
        texts = {name: _as_text(part)[:MAX_CHARS] for name, part in parts.items() if part not in (None, "", {}, ())}
        data[str(node.seq)] = {f"{node.name} · {node.type}": f"{node.status.value}, from {node.started:.3f} s", **texts}
        left -= sum(map(len, texts.values()))
    return data


def _as_text(value: Any) -> str:
    text = value if isinstance(value, str) else serialization.indented(serialization.to_utf8_safe(value))
    return replace_invisible(text)


def _escaped(text: str) -> str:
    return html.escape(replace_invisible(serialization.replace_lone_surrogates(text)))


def _as_script_data(value: Any) -> str:
    """Return JSON that cannot end the script that it stands in, nor begin a comment there."""
    text = serialization.dumps(value).decode("utf-8", "replace")
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")

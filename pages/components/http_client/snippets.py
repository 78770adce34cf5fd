"""Code snippets for a request of the HTTP page: curl, JavaScript, Python."""

import json
import shlex
from dataclasses import dataclass
from urllib.parse import urlencode


@dataclass(frozen=True, slots=True)
class ApiCall:
    """One GET request of the API."""

    origin: str
    """`http://localhost:8501`."""
    path: str
    """`/api/sse`."""
    query: tuple[tuple[str, str], ...] = ()
    ends_with: str | None = "done"
    """Name of the event at which a client closes the connection; None for plain text."""
    needs_token: bool = False

    @property
    def address(self) -> str:
        """The path with its query, relative to the origin."""
        return f"{self.path}?{urlencode(self.query)}" if self.query else self.path

    @property
    def url(self) -> str:
        """The absolute address."""
        return self.origin + self.address


def curl(call: ApiCall) -> str:
    """Return a shell command."""
    token = ' \\\n  -H "Authorization: Bearer $WEIR_API_TOKEN"' if call.needs_token else ""
    return f"curl -N {shlex.quote(call.url)}{token}"


def javascript(call: ApiCall) -> str:
    """Return a script for a page of the same origin, with EventSource, or fetch for plain text."""
    address = json.dumps(call.address)
    if call.ends_with is None:
        return "\n".join(
            (
                f"const response = await fetch({address})",
                "const reader = response.body.pipeThrough(new TextDecoderStream()).getReader()",
                "for (;;) {",
                "  const { value, done } = await reader.read()",
                "  if (done) break",
                "  document.body.append(value)",
                "}",
            )
        )
    show = "data.content" if call.ends_with == "done" else "JSON.stringify(data) + '\\n'"
    return "\n".join(
        (
            "// Reconnects by itself and resumes with Last-Event-ID." + (_TICKET if call.needs_token else ""),
            f"const source = new EventSource({address})",
            "source.onmessage = (event) => {",
            "  const data = JSON.parse(event.data)",
            f"  document.body.append({show})",
            "}",
            f'source.addEventListener("{call.ends_with}", () => source.close())',
            'source.addEventListener("error", (event) => { if (event.data) source.close() })',
        )
    )


_TICKET = "\n// An EventSource cannot send the token: add ticket=… to the address, from a server that knows the token."


def python(call: ApiCall) -> str:
    """Return a script for `pip install httpx httpx-sse`."""
    token = "import os\n" if call.needs_token else ""
    headers = ', headers={"Authorization": f"Bearer {os.environ[\'WEIR_API_TOKEN\']}"}' if call.needs_token else ""
    url, query = json.dumps(call.origin + call.path), json.dumps(dict(call.query))
    if call.ends_with is None:
        return "\n".join(
            (
                f"{token}import httpx",
                "",
                f'with httpx.stream("GET", {url}, params={query}{headers}, timeout=None) as response:',
                "    response.raise_for_status()",
                "    for text in response.iter_text():",
                '        print(text, end="", flush=True)',
            )
        )
    show = 'event.json()["content"], end="", flush=True' if call.ends_with == "done" else "event.id, event.json()"
    return "\n".join(
        (
            f"{token}import httpx",
            "from httpx_sse import connect_sse",
            "",
            f"with httpx.Client(timeout=None{headers}) as client:",
            f'    with connect_sse(client, "GET", {url}, params={query}) as source:',
            "        source.response.raise_for_status()",
            "        for event in source.iter_sse():",
            '            if event.event == "message" and event.data:',
            f"                print({show})",
            f'            elif event.event in ("{call.ends_with}", "error"):',
            "                break",
        )
    )

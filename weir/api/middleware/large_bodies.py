"""Large bodies, sent in chunks as fast as the client reads them.

Streamlit holds the file of a download button in memory and passes it to the server in one piece. The server would copy
all of it for each client, however slow, and compress it on the event loop.
"""

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from weir.core.byte_chunks import CHUNK_BYTES

MEDIA = "/media/"
"""Path of Streamlit's downloads, below its base path."""


class LargeBodyMiddleware:
    """ASGI middleware that splits a large body into chunks. Each is sent once the one before has left.

    Downloads from pages are not compressed.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if MEDIA in scope["path"]:
            scope = {**scope, "headers": list(scope["headers"])}
            del MutableHeaders(scope=scope)["accept-encoding"]

        async def send_in_chunks(message: Message) -> None:
            body = message.get("body", b"")
            if message["type"] != "http.response.body" or len(body) <= CHUNK_BYTES:
                await send(message)
                return
            for start in range(0, len(body), CHUNK_BYTES):
                more = start + CHUNK_BYTES < len(body) or message.get("more_body", False)
                await send({**message, "body": body[start : start + CHUNK_BYTES], "more_body": more})

        await self._app(scope, receive, send_in_chunks)

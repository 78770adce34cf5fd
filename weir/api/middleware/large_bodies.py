"""Large answers, sent as fast as they are read.

Streamlit keeps a file that a page offers in memory and hands it to the server as one piece. The server would copy all
of it for each reader, however slow, and compress it on the loop that everybody waits for.
"""

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from weir.core.byte_chunks import CHUNK_BYTES

MEDIA = "/media/"
"""Where Streamlit serves the files of pages, below its base path."""


class LargeBodyMiddleware:
    """ASGI middleware that sends a large body in pieces, each when the one before has left.

    Files of pages are not compressed.
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

        async def send_in_pieces(message: Message) -> None:
            body = message.get("body", b"")
            if message["type"] != "http.response.body" or len(body) <= CHUNK_BYTES:
                await send(message)
                return
            for start in range(0, len(body), CHUNK_BYTES):
                more = start + CHUNK_BYTES < len(body) or message.get("more_body", False)
                await send({**message, "body": body[start : start + CHUNK_BYTES], "more_body": more})

        await self._app(scope, receive, send_in_pieces)

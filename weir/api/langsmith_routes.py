"""LangSmith routes: what LangSmith's own clients send, for programs that cannot take the tail (docs/attach.md).

The paths, bodies and answers are those of LangSmith's API as its clients for Python and JavaScript use it. They are not
in Weir's OpenAPI document.
"""

import asyncio
import zlib
from collections.abc import Callable
from functools import partial
from typing import Any

import zstandard
from fastapi import APIRouter, Request, Response
from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header

from weir.api.api_services import Services
from weir.api.problem_details import ApiError
from weir.api.request_caller import attached_owner
from weir.core import serialization
from weir.runs.attach_request import AttachError
from weir.runs.langsmith_operations import IngestError, Operation, read_batch, read_operation, read_parts

MAX_UNPACKED = 10_000_000
"""Bytes of a body that was compressed."""

MAX_PARTS = 20_000
MAX_WINDOW = 1 << 23

INFO: dict[str, dict[str, Any]] = {
    # JSON batches: their size is limited, that of forms is not.
    "batch_ingest_config": {
        "use_multipart_endpoint": False,
        "size_limit": 100,
        "size_limit_bytes": 900_000,
        "scale_up_nthreads_limit": 1,
        "scale_up_qsize_trigger": 1_000,
        "scale_down_nempty_trigger": 4,
    },
    "instance_flags": {"gzip_body_enabled": False, "zstd_compression_enabled": False},
}
"""What a client asks before it sends."""

router = APIRouter(include_in_schema=False)


@router.get("/langsmith/info")
def info() -> Response:
    """Return how a client is to send."""
    return Response(serialization.dumps(INFO), media_type="application/json")


@router.post("/langsmith/runs")
async def create(request: Request, services: Services) -> Response:
    """Take in one component of a run."""
    return await _receive(request, services, read_operation)


@router.patch("/langsmith/runs/{run_id}")
async def update(run_id: str, request: Request, services: Services) -> Response:
    """Take in what is new of one component of a run."""
    return await _receive(request, services, partial(read_operation, run_id=run_id))


@router.post("/langsmith/runs/batch")
async def batch(request: Request, services: Services) -> Response:
    """Take in a batch as JSON."""
    return await _receive(request, services, read_batch)


@router.post("/langsmith/runs/multipart")
async def multipart(request: Request, services: Services) -> Response:
    """Take in a batch as a form, with a part for each field of a component."""
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    if kind != b"multipart/form-data" or not options.get(b"boundary"):
        raise ApiError(422, "The body is not multipart/form-data with a boundary.")
    return await _receive(request, services, lambda body: read_parts(_parts(body, options[b"boundary"])))


async def _receive(request: Request, services: Any, read: Callable[[bytes], list[Operation]]) -> Response:
    owner = attached_owner(request)
    if owner is None:
        raise ApiError(403, "A ticket is for reading: a program that sends its runs needs the token.")
    body = await request.body()
    client = request.headers.get("user-agent", "")[:100]
    encoding = request.headers.get("content-encoding", "").strip().lower()

    def take() -> None:
        content = _unpacked(body, encoding)
        services.langsmith.receive(owner, client, read(content), len(content))

    try:
        await asyncio.to_thread(take)
    except (AttachError, IngestError) as error:
        raise ApiError(422, str(error)) from None
    return Response(b"{}", 202, media_type="application/json")


def _unpacked(body: bytes, encoding: str) -> bytes:
    """Return a body as it was before it was compressed. Raises ApiError."""
    if encoding in ("", "identity"):
        return body
    try:
        if encoding == "gzip":
            content = zlib.decompressobj(16 + zlib.MAX_WBITS).decompress(body, MAX_UNPACKED + 1)
        elif encoding == "zstd":
            with zstandard.ZstdDecompressor(max_window_size=MAX_WINDOW).stream_reader(body) as reader:
                content = reader.read(MAX_UNPACKED + 1)
        else:
            raise ApiError(415, "A body is compressed by gzip or zstd, or not at all.")
    except (zlib.error, zstandard.ZstdError):
        raise ApiError(422, f"The body is not {encoding}.") from None
    if len(content) > MAX_UNPACKED:
        raise ApiError(413, f"The body is too large: the limit is {MAX_UNPACKED:,} bytes when it is unpacked.")
    return content


def _parts(body: bytes, boundary: bytes) -> list[tuple[str, bytes]]:
    """Return the names and contents of a form's parts. Raises IngestError."""
    parts: list[tuple[str, bytes]] = []
    header, value, content = bytearray(), bytearray(), bytearray()
    name = ""

    def begin() -> None:
        nonlocal name
        if len(parts) >= MAX_PARTS:
            raise IngestError(f"A form has {MAX_PARTS:,} parts at most.")
        name = ""
        header.clear()
        value.clear()
        content.clear()

    def end_header() -> None:
        nonlocal name
        if header.lower() == b"content-disposition":
            _, options = parse_options_header(bytes(value))
            name = options.get(b"name", b"").decode("utf-8", "replace")
        header.clear()
        value.clear()

    parser = MultipartParser(
        boundary,
        {
            "on_part_begin": begin,
            "on_header_field": lambda data, start, end: header.extend(data[start:end]),
            "on_header_value": lambda data, start, end: value.extend(data[start:end]),
            "on_header_end": end_header,
            "on_part_data": lambda data, start, end: content.extend(data[start:end]),
            "on_part_end": lambda: parts.append((name, bytes(content))),
        },
    )
    try:
        parser.write(body)
        parser.finalize()
    except MultipartParseError:
        raise IngestError("The body is not a form of that boundary.") from None
    return parts

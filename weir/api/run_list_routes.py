"""Run list route: the caller's runs, newest first, in pages."""

import base64
import binascii
import logging
import math
from datetime import UTC, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response

from weir.api.api_services import Services
from weir.api.problem_details import ERROR_RESPONSES, ApiError
from weir.api.request_caller import readable_owners
from weir.api.responses import json_response
from weir.api.run_routes import mount_path
from weir.api.schemas import RunListResponse, run_list_item
from weir.storage.run_records import RunEntry, RunFilter
from weir.storage.storage_errors import StorageError

MAX_PAGE = 200

StatusName = Literal["writing", "done", "waiting", "stopped", "lost", "cut_off", "failed"]

_LOG = logging.getLogger(__name__)

router = APIRouter(tags=["Runs"], responses=ERROR_RESPONSES)


@router.get("/runs", response_model=RunListResponse)
def list_runs(
    request: Request,
    services: Services,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE, description="Ended runs of a page")] = 50,
    cursor: Annotated[
        str | None, Query(max_length=300, description="`next` of the page before; without it, the first page")
    ] = None,
    chain: Annotated[list[str] | None, Query(description="Only runs of these chains")] = None,
    status: Annotated[list[StatusName] | None, Query(description="Only runs with one of these states")] = None,
    text: Annotated[
        str, Query(max_length=200, description="Words in the input, the chain, the model or the error")
    ] = "",
    since: Annotated[datetime | None, Query(description="Only runs that were started then or later")] = None,
    program: Annotated[
        list[str] | None, Query(description="Only runs that these programs have sent: names or ids")
    ] = None,
    pinned: Annotated[bool, Query(description="Only pinned runs")] = False,
) -> Response:
    """Return the caller's runs, those that have ended newest first.

    The first page begins with those that are live, and with those of other replicas.

    A visitor gets the runs that they have started; a program those that came from its address, and those that attached
    programs have sent.
    """
    filter_ = RunFilter(
        readable_owners(request),
        chains=tuple(chain or ()),
        statuses=tuple(status or ()),
        text=text,
        since=None if since is None else (since if since.tzinfo else since.replace(tzinfo=UTC)).timestamp(),
        only_pinned=pinned,
        programs=tuple(program or ()),
    )
    created_at, run_id = (math.inf, "") if cursor is None else _read_cursor(cursor)
    try:
        ended = services.archive.index.page_before(filter_, created_at, run_id, limit + 1)
    except StorageError:
        _LOG.exception("the runs cannot be listed")
        raise ApiError(503, "The runs cannot be listed: the database has a problem. The log has its cause.") from None
    # In this order: a run that is written meanwhile is in both, and is left out of one.
    ids = {entry.id for entry in ended}
    new = [] if cursor is not None else services.archive.unlisted(filter_) + services.archive.elsewhere(filter_)
    base = mount_path(request)
    return json_response(
        RunListResponse(
            runs=[run_list_item(entry, base) for entry in (*(one for one in new if one.id not in ids), *ended[:limit])],
            next=_cursor(ended[limit - 1]) if len(ended) > limit else None,
        )
    )


def _cursor(entry: RunEntry) -> str:
    """Return where the next page begins."""
    return base64.urlsafe_b64encode(f"{entry.created_at!r} {entry.id}".encode()).decode()


def _read_cursor(cursor: str) -> tuple[float, str]:
    try:
        moment, _, run_id = base64.urlsafe_b64decode(cursor.encode()).decode().partition(" ")
        created_at = float(moment)
    except (ValueError, binascii.Error):
        created_at, run_id = math.nan, ""
    if not math.isfinite(created_at):
        raise ApiError(422, "The cursor is not one of this list: use `next` of a page.", cause=repr(cursor))
    return created_at, run_id

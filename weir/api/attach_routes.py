"""Attach routes: what programs send of their runs, and the list of those programs (docs/attach.md)."""

import asyncio

from fastapi import APIRouter, Request, Response

from weir.api.api_services import Services
from weir.api.problem_details import ERROR_RESPONSES, ApiError
from weir.api.request_caller import attached_owner, readable_owners
from weir.api.responses import json_response
from weir.api.schemas import AttachResponse, ProgramResponse, ProgramsResponse
from weir.core import serialization
from weir.runs.attach_request import AttachError

router = APIRouter(tags=["Programs"], responses=ERROR_RESPONSES)


@router.post(
    "/attach",
    response_model=AttachResponse,
    openapi_extra={"requestBody": {"content": {"application/x-ndjson": {"schema": {"type": "string"}}}}},
)
async def attach(request: Request, services: Services) -> Response:
    """Take in lines of recordings from a program that runs elsewhere.

    The first line is the report of the program. Then, for each run: a line with its id and the number of the line that
    follows, and lines of its recording. The answer has the number of the line that is wanted next.
    """
    owner = attached_owner(request)
    if owner is None:
        raise ApiError(403, "A ticket is for reading: a program that sends its runs needs the token.")
    body = await request.body()
    try:
        answer = await asyncio.to_thread(services.programs.receive, owner, body)
    except AttachError as error:
        raise ApiError(422, str(error)) from None
    return Response(serialization.dumps(answer), media_type="application/json")


@router.get("/programs", response_model=ProgramsResponse)
def list_programs(request: Request, services: Services) -> Response:
    """Return the programs that send their runs to this Weir, since it was started."""
    programs = services.programs.of_owners(readable_owners(request))
    return json_response(ProgramsResponse(programs=[ProgramResponse.of(program) for program in programs]))

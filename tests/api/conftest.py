import contextlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from chains.registry import REGISTRY
from tests.support.fake_openai import FakeOpenAI
from tests.support.serving import served
from weir.access.anonymous_id import COOKIE, is_anonymous_id, new_anonymous_id
from weir.access.limits import RunLimiter
from weir.api.api_services import ApiServices
from weir.api.app import create_api
from weir.api.gateway import create_gateway
from weir.api.middleware.anonymous_id_cookie import AnonymousIdMiddleware
from weir.app.services import run_limit_config
from weir.archive.run_archive import RunArchive
from weir.config.settings import Settings
from weir.llm.provider import ModelProvider
from weir.runs.attached_programs import AttachedPrograms
from weir.runs.background_loop import BackgroundLoop
from weir.runs.recorder import Recorder

GRACE = 60.0
"""Grace period in seconds of the API under test, unless a test sets another one.

On a busy machine a client may read late; it must not be taken for one that went away.
"""

Serve = Callable[..., AbstractContextManager[httpx.Client]]


@pytest.fixture
def store() -> Iterator[RunArchive]:
    archive = RunArchive(50_000_000)
    yield archive
    archive.close(10)


@pytest.fixture
def serve(openai_server: FakeOpenAI, loop: BackgroundLoop, store: RunArchive) -> Serve:
    """Return a context manager that serves the API with these settings and yields a client."""

    @contextlib.contextmanager
    def serving(*, people_sign_in: bool = False, **variables: Any) -> Iterator[httpx.Client]:
        defaults = {"OPENAI_BASE_URL": openai_server.url, "OPENAI_API_KEY": "sk-canary", "WEIR_TIMEOUT": 2}
        settings = Settings.model_validate(defaults | {"WEIR_RETRIES": 0, "WEIR_GRACE": GRACE} | variables)
        models = ModelProvider(settings)
        recorder = Recorder(store, loop, grace_seconds=settings.grace_seconds, secrets=settings.secrets)
        limits = RunLimiter(run_limit_config(settings))
        services = ApiServices(REGISTRY, models, recorder, limits, store, AttachedPrograms(store))
        api = create_api(settings, services, people_sign_in=people_sign_in)
        gateway = create_gateway(settings, services, people_sign_in=people_sign_in)
        mounts = Starlette(routes=[Mount("/api", api), Mount("/v1", gateway)])
        app = AnonymousIdMiddleware(mounts, name=COOKIE, new_id=new_anonymous_id, is_valid=is_anonymous_id)
        with served(app, "weir-api") as address, httpx.Client(base_url=f"{address}/api", timeout=60) as client:
            yield client
            recorder.stop_all()
        loop.submit(models.aclose()).result(timeout=60)

    return serving


@pytest.fixture
def client(serve: Serve) -> Iterator[httpx.Client]:
    with serve() as serving:
        yield serving

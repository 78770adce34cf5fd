"""Pages of one replica with the runs of another, without a browser."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pages.components.session import app_services
from pages.components.session.app_services import service
from tests.support.app_test import open_app, sentences
from tests.support.redis_process import RedisProcess
from tests.support.replica_parts import replica
from tests.support.waiting import until
from weir.app.services import AppServices
from weir.config.settings import SettingsError, settings
from weir.replicas.redis_connection import ReplicaProblem


@pytest.fixture
def services(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, redis_server: RedisProcess) -> Iterator[AppServices]:
    """The services of the pages' replica, started."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    monkeypatch.setenv("WEIR_REDIS_URL", redis_server.url)
    settings.cache_clear()
    service().start()
    yield service()
    app_services.close_services()
    settings.cache_clear()


def test_a_link_opens_a_run_of_another_replica(services: AppServices, redis_server: RedisProcess) -> None:
    with replica(redis_server.url) as there:
        run, steps = there.start()
        steps.step("What falls over the weir is measured.")
        until(lambda: services.archive.access(run.id))
        app = open_app("events.py", run=run.id)
        assert not app.exception
        assert any(badge for badge in app.markdown if "Writing" in str(badge.value))
        steps.end()
        assert run.wait(30)
        assert services.archive.get(run.id).wait(30)
        app.run()
        assert not app.exception
        assert any(badge for badge in app.markdown if "Done" in str(badge.value))


def test_the_page_says_that_runs_are_on_this_replica_only(services: AppServices, redis_server: RedisProcess) -> None:
    app = open_app()
    assert "on this replica only" not in sentences(app)
    redis_server.kill()
    assert services.replicas is not None
    until(lambda: services.replicas and services.replicas.problem)
    assert ReplicaProblem.AWAY.value in sentences(app.run())
    assert ReplicaProblem.AWAY.value in sentences(open_app("events.py"))
    assert "may be on another server" in sentences(open_app("events.py", run="00000000-0000-4000-8000-000000000000"))


def test_a_start_without_redis_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, redis_server: RedisProcess
) -> None:
    redis_server.kill()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    monkeypatch.setenv("WEIR_REDIS_URL", redis_server.url)
    settings.cache_clear()
    with pytest.raises(SettingsError, match="cannot be reached"):
        service()
    monkeypatch.setenv("WEIR_REDIS_OPTIONAL", "true")
    settings.cache_clear()
    service().start()
    assert service().replicas is not None
    app_services.close_services()
    settings.cache_clear()

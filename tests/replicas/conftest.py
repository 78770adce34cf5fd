from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.redis_process import RedisProcess, redis_process


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[RedisProcess]:
    with redis_process(tmp_path / "redis") as server:
        yield server


@pytest.fixture(scope="module")
def redis_here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisProcess]:
    """A Redis for all tests of a file."""
    with redis_process(tmp_path_factory.mktemp("redis")) as running:
        yield running

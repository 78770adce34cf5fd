import os
import sqlite3
import stat
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import URL, event, make_url

from tests.support.conversations import ANN, ask, texts
from weir.storage.database import IN_MEMORY_URL, create_database_engine, database_url
from weir.storage.records import MessageStatus
from weir.storage.repository import ConversationRepository, open_repository
from weir.storage.storage_errors import StorageError, StorageProblem


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "weir.db"


@pytest.fixture
def url(path: Path) -> URL:
    return database_url(path.parent, None)


def problem_of_opening(url: URL) -> StorageProblem:
    with pytest.raises(StorageError) as raised:
        open_repository(url)
    return raised.value.problem


@pytest.fixture
def short_lock_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for locks for 50 ms only."""
    monkeypatch.setattr("weir.storage.database.LOCK_TIMEOUT_SECONDS", 0.05)


def test_only_weirs_user_may_look_into_the_data(url: URL, path: Path) -> None:
    repository = open_repository(url)
    ask(repository, repository.create(ANN), "Hello", "World")
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    assert modes == {"weir.db": 0o600, "weir.db-wal": 0o600, "weir.db-shm": 0o600}
    repository.close()


@pytest.mark.parametrize(
    ("pragma", "value"), [("journal_mode", "wal"), ("foreign_keys", 1), ("busy_timeout", 5000), ("synchronous", 1)]
)
def test_sqlite_is_set_up_for_many_readers_and_one_writer(url: URL, pragma: str, value: object) -> None:
    open_repository(url).close()
    engine = create_database_engine(url)
    with engine.connect() as connection:
        assert connection.exec_driver_sql(f"PRAGMA {pragma}").scalar() == value
    engine.dispose()


def test_a_strange_folder_name_is_just_a_folder(tmp_path: Path) -> None:
    folder = tmp_path / "50% ?mode=ro#ü &x"
    open_repository(database_url(folder, None)).close()
    assert (folder / "weir.db").is_file()


def test_a_locked_database_is_reported_and_works_again_once_it_is_free(
    url: URL, path: Path, short_lock_timeout: None
) -> None:
    repository = open_repository(url)
    conversation = repository.create(ANN)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(StorageError) as raised:
        ask(repository, conversation, "Hello", "World")
    assert raised.value.problem is StorageProblem.LOCKED
    assert repository.path(ANN, conversation) == []
    other.execute("ROLLBACK")
    other.close()
    ask(repository, conversation, "Hello", "World")
    assert texts(repository.path(ANN, conversation)) == ["Hello", "World"]
    repository.close()


def test_a_database_that_another_program_keeps_to_itself_is_reported(
    url: URL, path: Path, short_lock_timeout: None
) -> None:
    open_repository(url).close()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("PRAGMA locking_mode = EXCLUSIVE")
    other.execute("BEGIN EXCLUSIVE")
    assert problem_of_opening(url) is StorageProblem.LOCKED
    other.close()
    open_repository(url).close()


@pytest.mark.parametrize("content", [b"not a database, " * 1000, b"SQLite format 3\x00" + b"\xff" * 8176])
def test_a_file_that_is_no_database_is_reported_and_left_as_it_is(url: URL, path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    assert problem_of_opening(url) is StorageProblem.CORRUPT
    assert path.read_bytes() == content


def test_a_database_that_was_damaged_is_reported(url: URL, path: Path) -> None:
    repository = open_repository(url)
    conversation = repository.create(ANN)
    for number in range(20):
        ask(repository, conversation, f"{number} " * 1000, "World")
    repository.close()
    whole = path.read_bytes()
    path.write_bytes(whole[:4096] + b"\xa5" * (len(whole) - 4096))
    assert problem_of_opening(url) is StorageProblem.CORRUPT


def test_nothing_but_a_storage_error_comes_out_of_a_damaged_file(url: URL, path: Path) -> None:
    repository = open_repository(url)
    conversation = repository.create(ANN)
    parent = None
    for number in range(10):
        _, parent = ask(repository, conversation, f"{number} " * 300, "World", parent)
    repository.close()
    whole = path.read_bytes()
    reported = 0
    for start in range(0, len(whole), 997):
        damaged = bytearray(whole)
        damaged[start : start + 40] = bytes(byte ^ 0x5A for byte in damaged[start : start + 40])
        path.write_bytes(damaged)
        opened = ConversationRepository(create_database_engine(url))
        for read in (
            partial(opened.conversations, ANN, "world"),
            partial(opened.path, ANN, conversation),
            opened.answers.expire_leases,
        ):
            try:
                read()
            except (StorageError, LookupError):
                reported += 1
        opened.close()
        for name in ("weir.db-wal", "weir.db-shm"):
            path.with_name(name).unlink(missing_ok=True)
    assert reported


def test_details_that_are_no_json_are_reported_as_damage(url: URL, path: Path) -> None:
    repository = open_repository(url)
    conversation = repository.create(ANN)
    ask(repository, conversation, "Hello", "World")
    with sqlite3.connect(path) as other:
        other.execute("UPDATE messages SET details = '{'")
    other.close()
    with pytest.raises(StorageError) as raised:
        repository.path(ANN, conversation)
    assert raised.value.problem is StorageProblem.CORRUPT
    repository.close()


def test_a_database_that_may_only_be_read_is_read_but_not_written(url: URL, path: Path) -> None:
    repository = open_repository(url)
    conversation = repository.create(ANN)
    ask(repository, conversation, "Hello", "World")
    read_only = make_url(f"sqlite:///file:{path}?mode=ro&uri=true")
    reader = ConversationRepository(create_database_engine(read_only))
    assert texts(reader.path(ANN, conversation)) == ["Hello", "World"]
    with pytest.raises(StorageError) as raised:
        reader.create(ANN)
    assert raised.value.problem is StorageProblem.READ_ONLY
    assert problem_of_opening(read_only) is StorageProblem.READ_ONLY
    reader.close()
    repository.close()


def test_a_full_disk_is_reported_and_what_was_kept_stays(url: URL) -> None:
    open_repository(url).close()
    engine = create_database_engine(url)
    event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA max_page_count = 40"))
    repository = ConversationRepository(engine)
    conversation = repository.create(ANN)
    question, answer = ask(repository, conversation, "Hello", "World")
    more = repository.answers.add(ANN, question, run_id="run")
    with pytest.raises(StorageError) as raised:
        repository.answers.update(ANN, more, "long " * 100_000)
    assert raised.value.problem is StorageProblem.FULL
    assert repository.answers.update(ANN, more, "short", status=MessageStatus.DONE)
    repository.choose_branch(ANN, answer)
    assert texts(repository.path(ANN, conversation)) == ["Hello", "World"]
    repository.close()


def test_a_data_folder_that_cannot_be_made_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    assert problem_of_opening(database_url(tmp_path / "file", None)) is StorageProblem.NO_FILE
    (tmp_path / "weir.db").mkdir()
    assert problem_of_opening(database_url(tmp_path, None)) is StorageProblem.NO_FILE
    assert problem_of_opening(database_url(Path("/dev/null/x"), None)) is StorageProblem.NO_FILE


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_data_folder_without_permission_is_reported(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    assert problem_of_opening(database_url(tmp_path, None)) is StorageProblem.NO_FILE


@pytest.mark.parametrize("url", ["postgresql://weir:secret@127.0.0.1:1/weir", "postgresql+psycopg://127.0.0.1:1/x"])
def test_a_server_that_does_not_answer_is_reported_without_the_password(url: str, tmp_path: Path) -> None:
    with pytest.raises(StorageError) as raised:
        open_repository(database_url(tmp_path, url))
    assert raised.value.problem is StorageProblem.UNREACHABLE
    assert "secret" not in f"{raised.value} {raised.value.__cause__}"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "what",
        "mysql://host/x",
        "postgresql://host:port/x",
        "nonsense://",
        "sqlite:x",
        "postgresql://127.0.0.1/x?no=1",
    ],
)
def test_an_address_that_is_none_is_reported(url: str, tmp_path: Path) -> None:
    with pytest.raises(StorageError) as raised:
        open_repository(database_url(tmp_path, url))
    assert raised.value.problem is StorageProblem.ADDRESS


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_postgresql_is_spoken_to_through_psycopg(scheme: str, tmp_path: Path) -> None:
    url = database_url(tmp_path, f"{scheme}://ann:p%40ss@host:5433/weir?sslmode=require")
    assert url.render_as_string(hide_password=False) == "postgresql+psycopg://ann:p%40ss@host:5433/weir?sslmode=require"


@pytest.mark.parametrize("problem", StorageProblem)
def test_every_problem_says_what_happened_and_what_to_do(problem: StorageProblem) -> None:
    assert str(StorageError(problem)) == f"{problem.message} {problem.hint}"
    assert problem.message.endswith(".")
    assert problem.hint.endswith(".")


def test_a_repository_in_memory_works_for_as_long_as_it_is_open() -> None:
    repository = open_repository(IN_MEMORY_URL)
    conversation = repository.create(ANN)
    ask(repository, conversation, "Hello", "World")
    assert texts(repository.path(ANN, conversation)) == ["Hello", "World"]
    repository.close()
    other = open_repository(IN_MEMORY_URL)
    assert other.conversations(ANN) == []
    other.close()

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings, strategies

from tests.support.conversation_files import conversation_file, encoded
from tests.support.conversations import ANN
from tests.support.pumping import cpu_seconds
from weir.storage import json_export
from weir.storage.database import IN_MEMORY_URL, database_url
from weir.storage.repository import ConversationRepository, open_repository


def with_second_message(**changes: Any) -> bytes:
    value = conversation_file()
    value["messages"][1] |= changes
    return encoded(value)


def with_header(**changes: Any) -> bytes:
    value = conversation_file()
    value["conversation"] |= changes
    return encoded(value)


def nested(depth: int) -> Any:
    return {"deeper": nested(depth - 1)} if depth else 1


def test_fields_that_are_not_known_are_ignored() -> None:
    assert json_export.read(encoded(conversation_file(later="field"))).conversation.title == "Title"


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"", json_export.NotAWeirExportError),
        (b"\xff\xfe\x00", json_export.NotAWeirExportError),
        (b"hello", json_export.NotAWeirExportError),
        (b"[]", json_export.NotAWeirExportError),
        (b"null", json_export.NotAWeirExportError),
        (b"[" * 100_000, json_export.NotAWeirExportError),
        (b'{"a":' * 100_000, json_export.NotAWeirExportError),
        (b'{"messages": [{"role": "user", "content": "hi"}]}', json_export.NotAWeirExportError),
        (b'{"format": "weir-recording", "version": 1}', json_export.NotAWeirExportError),
        (encoded(conversation_file())[:-1], json_export.DamagedError),
        (encoded(conversation_file(version=2)), json_export.NewerFormatError),
        (b'{"format": "weir-conversation", "version": 2, "what": "ever"}', json_export.NewerFormatError),
        (encoded(conversation_file(version=0)), json_export.DamagedError),
        (encoded(conversation_file(version="1")), json_export.DamagedError),
        (encoded(conversation_file() | {"messages": None}), json_export.DamagedError),
        (encoded(conversation_file(0) | {"messages": [{}]}), json_export.DamagedError),
        (with_second_message(id=1), json_export.DamagedError),
        (with_second_message(id="2"), json_export.DamagedError),
        (with_second_message(parent=2), json_export.DamagedError),
        (with_second_message(parent=3), json_export.DamagedError),
        (with_second_message(parent=None), json_export.DamagedError),
        (with_second_message(role="human"), json_export.DamagedError),
        (with_second_message(role="system"), json_export.DamagedError),
        (with_second_message(status="winning"), json_export.DamagedError),
        (with_second_message(text=None), json_export.DamagedError),
        (with_second_message(created_at=-1.0), json_export.DamagedError),
        (with_second_message(created_at=1e300), json_export.DamagedError),
        (with_second_message(updated_at=float("nan")), json_export.DamagedError),
        (with_second_message(details=[]), json_export.DamagedError),
        (with_second_message(details=nested(json_export.MAX_DEPTH + 1)), json_export.DamagedError),
        (with_second_message(details={"many": [0] * (json_export.MAX_DETAILS + 1)}), json_export.DamagedError),
        (with_second_message(text="\ud800"), json_export.DamagedError),
        (with_header(leaf=None), json_export.DamagedError),
        (with_header(leaf=7), json_export.DamagedError),
        (with_header(title="x" * 201), json_export.DamagedError),
        (encoded(conversation_file(json_export.MAX_MESSAGES + 1)), json_export.TooLargeError),
        (b"[" + b"{}," * 1_000_000, json_export.TooLargeError),
        (b'"' + b'\\"' * 1_000_000, json_export.NotAWeirExportError),
        (b" " * (json_export.MAX_BYTES + 1), json_export.TooLargeError),
    ],
)
def test_a_file_that_is_not_whole_is_refused_in_a_sentence(
    tmp_path: Path, content: bytes, error: type[json_export.UnreadableError]
) -> None:
    repository = open_repository(database_url(tmp_path, None))
    with pytest.raises(json_export.UnreadableError) as raised:
        repository.files.import_json(ANN, content)
    assert type(raised.value) is error
    assert str(raised.value) == error.message
    assert str(raised.value).endswith(".")
    assert repository.conversations(ANN) == []
    repository.close()


def test_details_within_the_bounds_are_read() -> None:
    assert json_export.read(with_second_message(details=nested(json_export.MAX_DEPTH - 1)))
    assert json_export.read(with_second_message(details={"many": [0] * (json_export.MAX_DETAILS - 1)}))


def test_a_title_in_a_file_is_one_line(repository: ConversationRepository) -> None:
    copy = repository.files.import_json(ANN, with_header(title="two\nlines\x00"))
    assert "\n" not in repository.conversation(ANN, copy).title


json_values = strategies.recursive(
    strategies.none() | strategies.booleans() | strategies.integers() | strategies.floats() | strategies.text(),
    lambda inner: strategies.lists(inner, max_size=4) | strategies.dictionaries(strategies.text(), inner, max_size=4),
    max_leaves=8,
)


@pytest.fixture(scope="module")
def one_repository() -> Iterator[ConversationRepository]:
    repository = open_repository(IN_MEMORY_URL)
    yield repository
    repository.close()


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(strategies.data())
def test_any_change_to_a_file_is_imported_or_refused(
    one_repository: ConversationRepository, draw: strategies.DataObject
) -> None:
    value = conversation_file(4)
    target = draw.draw(strategies.sampled_from([value, value["conversation"], *value["messages"]]))
    target[draw.draw(strategies.sampled_from(sorted(target)))] = draw.draw(json_values)
    try:
        conversation = one_repository.files.import_json(ANN, encoded(value))
    except json_export.UnreadableError:
        assert one_repository.conversations(ANN) == []
    else:
        one_repository.path(ANN, conversation)
        copy = one_repository.files.import_json(ANN, one_repository.files.export_json(ANN, conversation))
        for imported in (conversation, copy):
            one_repository.delete(ANN, imported)


@pytest.mark.parametrize("unit", ['\\"', '"\\', "[", '"', "\\"])
def test_a_file_of_quotes_is_refused_at_once(unit: str) -> None:
    data = b'{"a": "' + unit.encode() * 500_000 + b"\\"

    def read() -> None:
        with pytest.raises(json_export.UnreadableError):
            json_export.read(data)

    assert cpu_seconds(read) < 5

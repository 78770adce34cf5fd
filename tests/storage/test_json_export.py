import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings, strategies

from tests.storage.conftest import Clock
from tests.support.conversations import ANN, BOB, ask, texts
from tests.support.database_files import data, file
from tests.support.pumping import cpu_seconds
from weir.storage import json_export
from weir.storage.database import IN_MEMORY_URL, database_url, open_repository
from weir.storage.message import MessageStatus
from weir.storage.repository import ConversationRepository

ROOT = Path(__file__).parents[2]


@pytest.fixture
def conversation(library: ConversationRepository) -> str:
    """Two versions of an answer, and a second question below the first of them."""
    made = library.create(ANN)
    first, one = ask(library, made, "What *is* it?", "Text with\n\n# a heading")
    library.add_answer(ANN, first, run_id="secret-run")
    _, second = ask(library, made, "And\nthen?", "Done", parent=one)
    library.update_answer(ANN, second, "", status=MessageStatus.DONE)
    return made


def changed(**changes: Any) -> bytes:
    """A file whose second message is different."""
    value = file()
    value["messages"][1] |= changes
    return data(value)


def about(**changes: Any) -> bytes:
    value = file()
    value["conversation"] |= changes
    return data(value)


def nested(depth: int) -> Any:
    return {"deeper": nested(depth - 1)} if depth else 1


def test_an_imported_conversation_is_the_exported_one_with_new_ids(
    library: ConversationRepository, conversation: str, clock: Clock
) -> None:
    exported = library.export_json(ANN, conversation)
    clock.move(1)
    copy = library.import_json(BOB, exported)
    assert copy != conversation
    before, after = library.path(ANN, conversation), library.path(BOB, copy)
    assert texts(after) == texts(before)
    assert not {message.id for message in before} & {message.id for message in after}
    assert [len(message.siblings) for message in after] == [len(message.siblings) for message in before]
    assert library.conversation(BOB, copy).title == "What is it?"
    assert library.conversation(BOB, copy).updated_at == clock.now
    again = json.loads(library.export_json(BOB, copy))
    once = json.loads(exported)
    assert [line["text"] for line in again["messages"]] == [line["text"] for line in once["messages"]]
    assert [line["parent"] for line in again["messages"]] == [line["parent"] for line in once["messages"]]


def test_a_file_says_nothing_of_visitors_and_runs(library: ConversationRepository, conversation: str) -> None:
    exported = library.export_json(ANN, conversation).decode()
    assert "secret-run" not in exported
    assert '"ann"' not in exported
    assert conversation not in exported


def test_an_answer_that_was_being_written_is_imported_as_cut(
    library: ConversationRepository, conversation: str
) -> None:
    copy = library.import_json(ANN, library.export_json(ANN, conversation))
    library.choose_branch(ANN, library.path(ANN, copy)[1].siblings[1])
    answer = library.path(ANN, copy)[-1]
    assert (answer.status, answer.run_id) == (MessageStatus.CUT, None)


def test_markdown_shows_the_current_branch(library: ConversationRepository, conversation: str) -> None:
    assert library.export_markdown(ANN, conversation) == (
        "# What is it?\n\n> What *is* it?\n\nText with\n\n# a heading\n\n> And\n> then?\n\nDone\n"
    )
    library.choose_branch(ANN, library.path(ANN, conversation)[1].siblings[1])
    assert library.export_markdown(ANN, conversation).endswith("> What *is* it?\n\n*(still being written)*\n")


def test_an_empty_conversation_can_be_exported_and_imported(library: ConversationRepository) -> None:
    empty = library.create(ANN)
    assert library.path(ANN, library.import_json(ANN, library.export_json(ANN, empty))) == []
    assert library.export_markdown(ANN, empty) == "\n"


def test_the_longest_file_is_imported(library: ConversationRepository) -> None:
    conversation = library.import_json(ANN, data(file(json_export.MAX_MESSAGES)))
    assert len(library.path(ANN, conversation)) == json_export.MAX_MESSAGES


def test_the_documented_file_is_imported(library: ConversationRepository) -> None:
    described = (ROOT / "docs" / "storage.md").read_text(encoding="utf-8")
    documented = described.partition("```json\n")[2].partition("```")[0]
    conversation = library.import_json(ANN, documented.encode())
    assert texts(library.path(ANN, conversation)) == ["2 + 2?", "4"]


def test_fields_that_are_not_known_are_ignored() -> None:
    assert json_export.read(data(file(later="field"))).conversation.title == "Title"


@pytest.mark.parametrize(
    ("content", "refusal"),
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
        (data(file())[:-1], json_export.DamagedError),
        (data(file(version=2)), json_export.NewerFormatError),
        (b'{"format": "weir-conversation", "version": 2, "what": "ever"}', json_export.NewerFormatError),
        (data(file(version=0)), json_export.DamagedError),
        (data(file(version="1")), json_export.DamagedError),
        (data(file() | {"messages": None}), json_export.DamagedError),
        (data(file(0) | {"messages": [{}]}), json_export.DamagedError),
        (changed(id=1), json_export.DamagedError),
        (changed(id="2"), json_export.DamagedError),
        (changed(parent=2), json_export.DamagedError),
        (changed(parent=3), json_export.DamagedError),
        (changed(parent=None), json_export.DamagedError),
        (changed(role="human"), json_export.DamagedError),
        (changed(role="system"), json_export.DamagedError),
        (changed(status="winning"), json_export.DamagedError),
        (changed(text=None), json_export.DamagedError),
        (changed(created_at=-1.0), json_export.DamagedError),
        (changed(created_at=1e300), json_export.DamagedError),
        (changed(updated_at=float("nan")), json_export.DamagedError),
        (changed(details=[]), json_export.DamagedError),
        (changed(details=nested(json_export.MAX_DEPTH + 1)), json_export.DamagedError),
        (changed(details={"many": [0] * (json_export.MAX_DETAILS + 1)}), json_export.DamagedError),
        (changed(text="\ud800"), json_export.DamagedError),
        (about(leaf=None), json_export.DamagedError),
        (about(leaf=7), json_export.DamagedError),
        (about(title="x" * 201), json_export.DamagedError),
        (data(file(json_export.MAX_MESSAGES + 1)), json_export.TooLargeError),
        (b"[" + b"{}," * 1_000_000, json_export.TooLargeError),
        (b'"' + b'\\"' * 1_000_000, json_export.NotAWeirExportError),
        (b" " * (json_export.MAX_BYTES + 1), json_export.TooLargeError),
    ],
)
def test_a_file_that_is_not_whole_is_refused_in_a_sentence(
    tmp_path: Path, content: bytes, refusal: type[json_export.UnreadableError]
) -> None:
    library = open_repository(database_url(tmp_path, None))
    with pytest.raises(json_export.UnreadableError) as refused:
        library.import_json(ANN, content)
    assert type(refused.value) is refusal
    assert str(refused.value) == refusal.__doc__
    assert str(refused.value).endswith(".")
    assert library.conversations(ANN) == []
    library.close()


def test_details_within_the_bounds_are_read() -> None:
    assert json_export.read(changed(details=nested(json_export.MAX_DEPTH - 1)))
    assert json_export.read(changed(details={"many": [0] * (json_export.MAX_DETAILS - 1)}))


def test_a_title_in_a_file_is_one_line(library: ConversationRepository) -> None:
    copy = library.import_json(ANN, about(title="two\nlines\x00"))
    assert "\n" not in library.conversation(ANN, copy).title


json_values = strategies.recursive(
    strategies.none() | strategies.booleans() | strategies.integers() | strategies.floats() | strategies.text(),
    lambda inner: strategies.lists(inner, max_size=4) | strategies.dictionaries(strategies.text(), inner, max_size=4),
    max_leaves=8,
)


@settings(max_examples=300, deadline=None)
@given(strategies.data())
def test_any_change_to_a_file_is_imported_or_refused(draw: strategies.DataObject) -> None:
    value = file(4)
    place = draw.draw(strategies.sampled_from([value, value["conversation"], *value["messages"]]))
    place[draw.draw(strategies.sampled_from(sorted(place)))] = draw.draw(json_values)
    library = open_repository(IN_MEMORY_URL)
    try:
        conversation = library.import_json(ANN, data(value))
    except json_export.UnreadableError:
        assert library.conversations(ANN) == []
    else:
        library.path(ANN, conversation)
        library.import_json(ANN, library.export_json(ANN, conversation))
    library.close()


@pytest.mark.parametrize("unit", ['\\"', '"\\', "[", '"', "\\"])
def test_a_file_of_quotes_is_refused_at_once(unit: str) -> None:
    data = b'{"a": "' + unit.encode() * 500_000 + b"\\"

    def read() -> None:
        with pytest.raises(json_export.UnreadableError):
            json_export.read(data)

    assert cpu_seconds(read) < 5

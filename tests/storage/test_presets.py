"""Presets: kept by name, each visitor's own, deleted and restored."""

import pytest
from sqlalchemy import URL

from tests.storage.conftest import Clock
from weir.storage.database import create_database_engine
from weir.storage.presets import MAX_NAME, MAX_PRESETS, PresetError, PresetRepository
from weir.storage.records import TRASH_DAYS
from weir.storage.repository import ConversationRepository

ANN, BOB = "ann", "bob"


@pytest.fixture
def presets(repository: ConversationRepository, clock: Clock) -> PresetRepository:
    return PresetRepository(repository.engine, clock=clock)


def names(presets: PresetRepository, visitor: str = ANN) -> list[str]:
    return [preset.name for preset in presets.presets(visitor)]


def test_a_preset_is_its_visitors_own_and_replaced_by_its_name(presets: PresetRepository) -> None:
    first = presets.save(ANN, " dry \n and\tshort ", {"temperature": 0.0, "stop": ["\u0000x"]}).id
    presets.save(ANN, "Alone", {})
    presets.save(BOB, "dry and short", {"seed": 1})
    assert names(presets) == ["Alone", "dry and short"]
    assert presets.save(ANN, "dry and short", {"temperature": 1.0}).id == first
    assert [preset.options for preset in presets.presets(ANN)] == [{}, {"temperature": 1.0}]
    presets.delete(BOB, first)
    assert names(presets) == ["Alone", "dry and short"]


def test_a_deleted_preset_can_be_restored_for_a_time(presets: PresetRepository, clock: Clock) -> None:
    first = presets.save(ANN, "first", {"seed": 1}).id
    presets.delete(ANN, first)
    assert names(presets) == []
    presets.restore(BOB, first)
    assert names(presets) == []
    presets.restore(ANN, first)
    assert names(presets) == ["first"]
    presets.delete(ANN, first)
    presets.delete(ANN, (other := presets.save(ANN, "first", {})).id)
    presets.save(ANN, "first", {})
    presets.restore(ANN, other.id)
    presets.delete(ANN, presets.presets(ANN)[0].id)
    assert names(presets) == []
    clock.move(TRASH_DAYS * 86_400 + 1)
    presets.save(ANN, "second", {})
    presets.restore(ANN, first)
    assert names(presets) == ["second"]


def test_a_preset_needs_a_name_and_there_is_a_bound(presets: PresetRepository) -> None:
    with pytest.raises(PresetError, match="needs a name"):
        presets.save(ANN, " \n ", {})
    presets.save(ANN, "n" * 500, {})
    assert names(presets) == ["n" * MAX_NAME]
    for number in range(MAX_PRESETS - 1):
        presets.save(ANN, f"{number}", {})
    with pytest.raises(PresetError, match="delete one first"):
        presets.save(ANN, "one more", {})
    presets.save(ANN, "0", {"seed": 2})


def test_presets_are_kept_with_the_conversations(repository: ConversationRepository, url: URL) -> None:
    PresetRepository(repository.engine).save(ANN, "kept", {"seed": 1})
    engine = create_database_engine(url)
    assert names(PresetRepository(engine)) == ["kept"]
    engine.dispose()

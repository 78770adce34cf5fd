"""A router of one's own examples: learned, written, read again, and refused where it cannot be."""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from chains.classifier.examples import Example
from chains.classifier.labelled_file import load_sources
from chains.classifier.linear_model import load
from chains.classifier.local_classifier import MODEL, LocalClassifier
from chains.classifier.meanings import meanings
from chains.classifier.own_training import Trained, TrainingError, suggested_threshold, train
from chains.classifier.trained_router_file import RouterFileError, read_router, write_router
from tests.support.app_process import ROOT

# All by one worker: they share what was learned.
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("own training")]

SHOP = ROOT / "examples" / "bike_shop"


def examples(name: str) -> list[Example]:
    return [example for _, example in load_sources(SHOP / name, None)]


@pytest.fixture(scope="module")
def trained() -> Trained:
    return train(examples("examples.tsv"))


@pytest.fixture(scope="module")
def file(trained: Trained, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("router") / "shop.npz"
    write_router(trained.model, path)
    return path


def test_the_cross_validation_of_few_examples_is_far_above_chance(trained: Trained) -> None:
    assert trained.model.categories == ("billing", "delivery", "repair", "advice")
    assert sum(one.right for one in trained.judged) / len(trained.judged) > 0.75
    assert 0.2 < trained.model.threshold < 1


def test_what_was_written_decides_like_what_was_learned_and_follows_up(file: Path) -> None:
    classifier = LocalClassifier(file, 0.0, "advice", read_router)
    questions = examples("questions.tsv")
    assert sum(classifier.category(one.question) == one.category for one in questions) / len(questions) > 0.85
    history = [("human", "Where is my parcel?"), ("ai", "On its way.")]
    assert classifier.category("why?", history) == "delivery"
    assert "“parcel”" in classifier.decide("Where is my parcel?").reason


def test_below_the_threshold_and_without_a_known_word_it_abstains(file: Path) -> None:
    certain = LocalClassifier(file, 1.0, "advice", read_router).decide("Where is my parcel?")
    assert (certain.category, certain.abstained) == ("advice", True)
    unknown = LocalClassifier(file, 0.0, "other", read_router).decide("qwzx vbnk")
    assert (unknown.category, unknown.reason) == ("other", "None of its words is known.")


def test_the_meanings_are_of_the_packaged_classifiers_words() -> None:
    known = load(MODEL).subwords.vocabulary
    vectors = meanings()
    assert vectors.shape == (len(known), 64)
    parcel, package, python = (vectors[known[word]] for word in ("parcel", "package", "python"))
    assert parcel @ package > parcel @ python


def of(counts: Sequence[int]) -> list[Example]:
    return [
        Example(f"{place} {number}", f"c{place}", "en") for place, many in enumerate(counts) for number in range(many)
    ]


@pytest.mark.parametrize(
    ("counts", "sentence"),
    [
        ((40,), "There is one category alone"),
        ((40, 9), "Each category needs 10 examples at least, better 30 or more: c1 has 9."),
        ((10,) * 21, "There are 21 categories, and a router has 20 at most."),
        ((20_001, 10), "There are 20,011 examples, and 20,000 can be learned from."),
    ],
)
def test_too_few_and_too_many_examples_are_refused(counts: tuple[int, ...], sentence: str) -> None:
    with pytest.raises(TrainingError, match=sentence):
        train(of(counts))


def test_the_threshold_is_the_lowest_at_which_nine_of_ten_answers_are_right() -> None:
    probabilities = np.array([[0.9, 0.1]] * 9 + [[0.52, 0.48]] * 3)
    assert suggested_threshold(probabilities, np.array([0] * 9 + [1] * 3)) == 0.55
    assert suggested_threshold(probabilities, np.zeros(12, dtype=np.intp)) == 0.0


def changed(file: Path, **arrays: np.ndarray) -> bytes:
    with np.load(file) as stored:
        packed = io.BytesIO()
        np.savez(packed, **(dict(stored) | arrays))
    return packed.getvalue()


def test_a_file_that_is_damaged_or_of_another_version_says_so(file: Path, tmp_path: Path) -> None:
    whole = file.read_bytes()
    objects, array = io.BytesIO(), io.BytesIO()
    np.save(array, np.zeros(3))
    np.savez(objects, weir_router=np.array([{"a": 1}], dtype=object))
    damaged = {
        "cut": whole[: len(whole) // 2],
        "text": b"billing\twhy?\n",
        "empty": b"",
        "array": array.getvalue(),
        "pickled": objects.getvalue(),
        "packaged": MODEL.read_bytes(),
        "weights": changed(file, bias=np.zeros(3, dtype=np.float32)),
        "numbers": changed(file, words_weights=np.full((4, 3), np.nan)),
        "names": changed(file, categories=np.frombuffer(b"a\nb\n<b>\nd", dtype=np.uint8)),
    }
    for name, content in damaged.items():
        path = tmp_path / f"{name}.npz"
        path.write_bytes(content)
        with pytest.raises(RouterFileError, match="is damaged, or is not what weir classify --train writes"):
            read_router(path)
    other = tmp_path / "other.npz"
    other.write_bytes(changed(file, weir_router=np.array(2)))
    with pytest.raises(RouterFileError, match=r"another version of Weir, .* Train it again: weir classify --train"):
        read_router(other)
    with pytest.raises(RouterFileError, match=r"none\.npz cannot be read: No such file"):
        read_router(tmp_path / "none.npz")

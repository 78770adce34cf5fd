"""Words that no example has: how a text is cut, and what is read of a text encoder."""

import json
import struct
from pathlib import Path

import numpy as np
import pytest

from chains.classifier import word_vectors
from chains.classifier.linear_model import load
from chains.classifier.local_classifier import MODEL, LocalClassifier
from chains.classifier.subwords import subwords
from chains.classifier.word_vectors import load_vectors

KNOWN = {"photo", "##synthesis", "##s", "is", "a", "?", "cafe"}


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("Is a?", ["is", "a", "?"]),
        ("Photosynthesis", ["photo", "##synthesis"]),
        ("photos is", ["photo", "##s", "is"]),
        ("Café", ["cafe"]),
        ("photograph is", ["is"]),
        ("photo" * 20, []),
        ("", []),
    ],
)
def test_a_text_is_cut_into_the_longest_known_pieces(text: str, pieces: list[str]) -> None:
    assert subwords(text, KNOWN) == pieces


def test_what_words_add_is_a_mean_and_does_not_grow_with_the_text() -> None:
    model = load(MODEL).subwords
    once, often = (model.scores("the archipelago " * times, "") for times in (1, 100))
    np.testing.assert_allclose(once, often)
    assert not model.scores("", "").any()


def test_a_word_that_no_example_has_says_something() -> None:
    model = load(MODEL)
    assert "archipelago" not in model.words.vocabulary
    assert int(model.subwords.scores("archipelago", "").argmax()) == 2
    assert LocalClassifier().category("archipelagos near Finland") == "general"


def model_folder(folder: Path, dtype: str = "F32") -> Path:
    """Write a model of six words in four dimensions."""
    (folder / "vocab.txt").write_text("[PAD]\n[unused0]\none\ntwo\nthree\n##s\n")
    table = np.arange(24, dtype=np.float32).reshape(6, 4) ** 2
    place = {"dtype": dtype, "shape": [6, 4], "data_offsets": [0, 96]}
    header = json.dumps({"embeddings.word_embeddings.weight": place}).encode()
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + table.tobytes())
    return folder


def test_the_table_of_an_encoder_is_read_as_vectors_of_length_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(word_vectors, "DIMENSIONS", 3)
    found = load_vectors(model_folder(tmp_path))
    assert found.terms == ["[PAD]", "one", "two", "three", "##s"]
    assert found.vectors.shape == (5, 3)
    np.testing.assert_allclose(np.linalg.norm(found.vectors, axis=1), 1, rtol=1e-5)


def test_a_table_of_other_numbers_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="F16"):
        load_vectors(model_folder(tmp_path, "F16"))

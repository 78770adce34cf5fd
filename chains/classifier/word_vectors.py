"""Word vectors: what a text encoder has learned of 30,000 English words, for learning only.

The classifier itself has three numbers for each of these words, which `chains.classifier.train` makes of the vectors:
how much a word speaks for each category, though no example has it.
"""

import json
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

_TENSOR = "embeddings.word_embeddings.weight"
_UNUSED = "[unused"
DIMENSIONS = 256
"""Of the vectors, by principal components: fewer fit the examples less closely."""


@dataclass(frozen=True, slots=True)
class WordVectors:
    """The words and pieces of words of an encoder, and a vector of length 1 for each."""

    terms: list[str]
    vectors: npt.NDArray[np.float32]
    """A row of `DIMENSIONS` for each term."""


def load_vectors(folder: Path) -> WordVectors:
    """Return the vectors of a model in the format of Hugging Face: `vocab.txt` and `model.safetensors` in a folder.

    Raises OSError if a file cannot be read, KeyError if the model has no table of words, ValueError if its numbers are
    not stored in full.
    """
    listed = (folder / "vocab.txt").read_text(encoding="utf-8").splitlines()
    table = _tensor(folder / "model.safetensors", _TENSOR)
    kept = [place for place, term in enumerate(listed) if not term.startswith(_UNUSED)]
    centred = table[kept] - table[kept].mean(axis=0)
    _, turns = np.linalg.eigh(centred.T @ centred)
    turned = centred @ turns[:, ::-1][:, :DIMENSIONS]
    lengths = np.linalg.norm(turned, axis=1, keepdims=True)
    return WordVectors([listed[place] for place in kept], turned / np.maximum(lengths, 1e-9))


def _tensor(path: Path, name: str) -> npt.NDArray[np.float32]:
    """Return one table of a safetensors file: the length of a JSON header, the header, then the numbers."""
    with path.open("rb") as file:
        (size,) = struct.unpack("<Q", file.read(8))
        place = json.loads(file.read(size))[name]
        if place["dtype"] != "F32":
            raise ValueError(f"{name} is stored as {place['dtype']}, not as F32")
        first, last = place["data_offsets"]
        file.seek(8 + size + first)
        return np.frombuffer(file.read(last - first), dtype=np.float32).reshape(place["shape"])

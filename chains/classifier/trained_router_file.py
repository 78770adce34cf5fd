"""The file of a router of one's own: what `weir classify --train` has learned, as arrays of numbers and text.

There is no code in it, and it is read without pickle: a file from elsewhere can route wrongly, and no more.
"""

import functools
import io
import re
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from chains.classifier import features
from chains.classifier.features import evidence
from chains.classifier.linear_model import LinearModel, Subwords, Terms, terms_in
from weir.config.router_catalogue import MAX_ROUTES, ROUTE_NAME

FORMAT = 1
"""Raised when the arrays, or how texts are made into terms, change their meaning."""

MOST_BYTES = 100_000_000

_TERMS = ("words", "pieces", "subwords")


class RouterFileError(ValueError):
    """The file cannot be used; the text is a sentence for people."""


def write_router(model: LinearModel, path: Path) -> None:
    """Write what was learned. Raises OSError."""
    arrays: dict[str, npt.NDArray[np.generic]] = {
        "weir_router": np.array(FORMAT),
        "categories": _text(model.categories),
        "bias": model.bias.astype(np.float32),
        "temperature": np.array(model.temperature, dtype=np.float32),
        "threshold": np.array(model.threshold, dtype=np.float32),
    }
    learned: tuple[Terms | Subwords, ...] = (model.words, model.pieces, model.subwords)
    for name, terms in zip(_TERMS, learned, strict=True):
        arrays[f"{name}_terms"] = _text(terms.vocabulary)
        arrays[f"{name}_rarity"] = terms.idf.astype(np.float16)
        arrays[f"{name}_weights"] = terms.weights.astype(np.float16)
    packed = io.BytesIO()
    np.savez_compressed(packed, **arrays)  # type: ignore[arg-type]  # older numpy stores allow_pickle as an array
    path.write_bytes(packed.getvalue())


def _text(lines: Iterable[str]) -> npt.NDArray[np.uint8]:
    return np.frombuffer("\n".join(lines).encode(), dtype=np.uint8)


@functools.cache
def read_router(path: Path) -> LinearModel:
    """Return the model in a file, read once in a process. Raises RouterFileError."""
    again = "Train it again: weir classify --train examples.tsv --to " + path.name
    try:
        model = _read(path)
    except OSError as error:
        raise RouterFileError(f"{path} cannot be read: {error.strerror}.") from None
    except (ValueError, KeyError, TypeError, EOFError, NotImplementedError, zipfile.BadZipFile, zlib.error):
        raise RouterFileError(f"{path} is damaged, or is not what weir classify --train writes. {again}") from None
    if model is None:
        raise RouterFileError(f"{path} was written by another version of Weir, which this one cannot read. {again}")
    return model


def _read(path: Path) -> LinearModel | None:
    """Return the model; None if the file is of another format. Raises ValueError, KeyError and others."""
    if path.stat().st_size > MOST_BYTES:
        raise ValueError("it is too large")
    # From memory: numpy leaves a damaged file open.
    with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as stored:
        if int(stored["weir_router"]) != FORMAT:
            return None
        words, pieces, subwords = (terms_in(stored, name) for name in _TERMS)
        bias = stored["bias"].astype(np.float64)
        categories = tuple(stored["categories"].tobytes().decode("utf-8").split("\n"))
        model = LinearModel(
            words=words,
            pieces=pieces,
            subwords=Subwords(subwords.vocabulary, subwords.idf, subwords.weights),
            signals=no_signals(len(categories)),
            bias=bias,
            temperature=float(stored["temperature"]),
            categories=categories,
            threshold=float(stored["threshold"]),
        )
    _check(model)
    return model


def no_signals(categories: int) -> npt.NDArray[np.float64]:
    """Return signals that weigh nothing: they speak of mathematics and code, and their number may change."""
    return np.zeros((categories, len(features.measure(evidence("")))))


def _check(model: LinearModel) -> None:
    """Raise ValueError unless all parts fit together."""
    size = len(model.categories)
    if not 2 <= size <= MAX_ROUTES or not all(re.fullmatch(ROUTE_NAME, name) for name in model.categories):
        raise ValueError("its categories are not routes")
    if model.bias.shape != (size,) or not np.isfinite(model.bias).all():
        raise ValueError("its bias does not fit")
    if not (0 < model.temperature < 1e6 and 0 <= model.threshold <= 1):
        raise ValueError("its temperature or threshold is not a number for that")
    for terms in (model.words, model.pieces, model.subwords):
        _check_terms(terms, size)


def _check_terms(terms: Terms | Subwords, size: int) -> None:
    known = len(terms.vocabulary)
    if terms.idf.shape != (known,) or terms.weights.shape != (size, known):
        raise ValueError("its terms and weights do not fit")
    if not (np.isfinite(terms.idf).all() and np.isfinite(terms.weights).all()):
        raise ValueError("a weight is not a number")

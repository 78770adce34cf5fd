"""Learns from the examples, with scikit-learn: `make train` writes what the classifier reads."""

import argparse
import hashlib
import io
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix, hstack
from sklearn.linear_model import LogisticRegression

from chains.classifier import features
from chains.classifier.compose import compose
from chains.classifier.examples import CATEGORIES, Example, load_examples
from chains.classifier.features import Evidence, evidence
from chains.classifier.linear_model import Subwords, Terms, softmax
from chains.classifier.local_classifier import MODEL
from chains.classifier.source_report import calibration_error
from chains.classifier.subwords import subwords
from chains.classifier.tokenization import char_ngrams, clean, words
from chains.classifier.word_vectors import WordVectors, load_vectors

EXAMPLES = Path(__file__).with_name("examples.jsonl")

READ_BY = (
    *("compositions.toml", "compose.py", "word_lists.toml", "word_lists.py", "patterns.py", "instruction.py"),
    *("features.py", "tokenization.py", "subwords.py", "word_vectors.py", "train.py"),
)
"""The files that decide what is learned, with the examples."""

SIGNAL_WEIGHT = 0.4
"""Of the signals against the words, whose vectors have length 1."""

SUBWORD_WEIGHT = 0.05
"""Of the mean vector of a text's words, whose numbers have a deviation of 1."""

MOST_RARE = 7.0
"""Rarity of a word that no example has, too: it counts no more than one that is in a few."""

COMPOSED_WEIGHT = 0.15
"""Of a composed example against one that was written out: those of a kind are alike."""

STRENGTH = 20.0
"""Inverse of the regularisation."""

WRITTEN = "written out"
"""The kind of the examples that are not composed."""

_Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Prepared:
    """Examples as the regression takes them."""

    words: Terms
    pieces: Terms
    subwords: Subwords
    """Without weights."""
    vectors: npt.NDArray[np.float32]
    """A row for each subword, as the rows have them."""
    rows: csr_matrix
    labels: npt.NDArray[np.intp]
    weights: _Floats
    """Of each example."""
    kinds: Sequence[str]

    def rows_of(self, found: Sequence[Evidence]) -> csr_matrix:
        """Return a row for each text, as `rows` has them."""
        means = _means(self.subwords, self.vectors, found)
        return hstack([rows(self.words, self.pieces, found), means], format="csr")

    def fit(self, chosen: npt.NDArray[np.bool_] | None = None) -> LogisticRegression:
        """Return the regression that was fitted to all examples, or to the chosen ones."""
        mask = np.ones(len(self.labels), dtype=bool) if chosen is None else chosen
        regression = LogisticRegression(C=STRENGTH, max_iter=300, tol=1e-3)
        return regression.fit(self.rows[mask], self.labels[mask], sample_weight=self.weights[mask])


def all_examples() -> list[tuple[str, Example]]:
    """Return the examples that were written out and those that are composed, each with its kind."""
    return [*((WRITTEN, example) for example in load_examples(EXAMPLES)), *compose()]


def prepare(examples: Sequence[tuple[str, Example]], vectors: WordVectors) -> Prepared:
    """Return examples as rows of signals, words and the mean vector of their words."""
    found = [evidence(clean(example.question)) for _, example in examples]
    by_words, by_pieces = (
        _terms([{*words(one.parts.instruction), *words(one.parts.rest)} for one in found], 1),
        _terms([set(char_ngrams(one.parts.instruction)) for one in found], 2),
    )
    by_subwords = _subwords(vectors.terms, found)
    means = _means(by_subwords, vectors.vectors, found).toarray()
    # From the mean of all texts on: a word counts by its difference from others.
    scaled = (vectors.vectors - means.mean(axis=0)) * (SUBWORD_WEIGHT / means.std(axis=0).mean())
    return Prepared(
        words=by_words,
        pieces=by_pieces,
        subwords=by_subwords,
        vectors=scaled,
        rows=hstack([rows(by_words, by_pieces, found), _means(by_subwords, scaled, found)], format="csr"),
        labels=np.array([CATEGORIES.index(example.category) for _, example in examples], dtype=np.intp),
        weights=np.array([1.0 if kind == WRITTEN else COMPOSED_WEIGHT for kind, _ in examples]),
        kinds=[kind for kind, _ in examples],
    )


def rows(by_words: Terms, by_pieces: Terms, found: Sequence[Evidence]) -> csr_matrix:
    """Return a row of signals and words for each text."""
    measured = csr_matrix(np.array([features.measure(one) for one in found]) * SIGNAL_WEIGHT)
    texts = [one.parts for one in found]
    by_words_of = _vectors(by_words, [(words(text.instruction), words(text.rest)) for text in texts])
    by_pieces_of = _vectors(by_pieces, [(char_ngrams(text.instruction), []) for text in texts])
    return hstack([measured, by_words_of, by_pieces_of], format="csr")


def _subwords(terms: Sequence[str], found: Sequence[Evidence]) -> Subwords:
    """Return the subwords with their rarity among the examples."""
    vocabulary = {term: place for place, term in enumerate(terms)}
    texts_of = Counter(
        piece for one in found for piece in {*subwords(f"{one.parts.instruction}\n{one.parts.rest}", vocabulary)}
    )
    seen = np.array([texts_of[term] for term in terms])
    idf = np.minimum(np.log((1 + len(found)) / (1 + seen)), MOST_RARE)
    return Subwords(vocabulary, idf, np.zeros((len(CATEGORIES), len(terms))))


def _means(by_subwords: Subwords, vectors: npt.NDArray[np.float32], found: Sequence[Evidence]) -> csr_matrix:
    """Return the mean vector of each text."""
    shares = [by_subwords.shares(one.parts.instruction, one.parts.rest) for one in found]
    return csr_matrix(np.array([share @ vectors[places] for places, share in shares]))


def _terms(texts: Sequence[set[str]], least: int) -> Terms:
    """Return the terms of at least so many texts: a word seen once tells something, a piece of one does not."""
    texts_of = Counter(term for text in texts for term in text)
    known = sorted(term for term, count in texts_of.items() if count >= least)
    idf = np.log((1 + len(texts)) / (1 + np.array([texts_of[term] for term in known]))) + 1
    return Terms({term: place for place, term in enumerate(known)}, idf, np.zeros((len(CATEGORIES), len(known))))


def _vectors(terms: Terms, texts: Sequence[tuple[list[str], list[str]]]) -> csr_matrix:
    vectors = [terms.vector(asked, given) for asked, given in texts]
    places = np.concatenate([place for place, _ in vectors])
    values = np.concatenate([value for _, value in vectors])
    ends = np.cumsum([0, *(len(place) for place, _ in vectors)])
    return csr_matrix((values, places, ends), shape=(len(texts), len(terms.vocabulary)))


def cross_validate(prepared: Prepared, folds: int = 5) -> _Floats:
    """Return a row of scores for each example, from a model that has not seen it, nor its kind if it is composed."""
    composed = sorted(set(prepared.kinds) - {WRITTEN})
    fold = np.array(
        [(place if kind == WRITTEN else composed.index(kind)) % folds for place, kind in enumerate(prepared.kinds)]
    )
    scores: _Floats = np.zeros((len(fold), len(CATEGORIES)))
    for held in range(folds):
        regression = prepared.fit(fold != held)
        scores[fold == held] = regression.decision_function(prepared.rows[fold == held])
    return scores


def best_temperature(scores: _Floats, labels: npt.NDArray[np.intp]) -> float:
    """Return the divisor of the scores with the smallest log loss (Guo et al., 2017, arXiv:1706.04599)."""
    tried = np.linspace(0.5, 3, 51)
    each = np.arange(len(labels))
    losses = [-np.log(softmax(scores / one)[each, labels]).mean() for one in tried]
    return float(tried[int(np.argmin(losses))])


def fingerprint() -> str:
    """Return a digest of everything that what is learned depends on."""
    sources = [EXAMPLES, *(EXAMPLES.with_name(name) for name in READ_BY)]
    return hashlib.sha256("".join(path.read_text(encoding="utf-8") for path in sources).encode()).hexdigest()


def save(prepared: Prepared, regression: LogisticRegression, temperature: float, path: Path) -> None:
    """Write arrays alone: numbers, and text as bytes. There is no code in the file."""
    known = len(prepared.words.vocabulary)
    after = prepared.rows.shape[1] - prepared.vectors.shape[1]
    measured = after - known - len(prepared.pieces.vocabulary)
    weights = regression.coef_
    arrays: dict[str, npt.NDArray[np.generic]] = {
        "signals": (weights[:, :measured] * SIGNAL_WEIGHT).astype(np.float32),
        "bias": regression.intercept_.astype(np.float32),
        "temperature": np.array(temperature, dtype=np.float32),
        "fingerprint": np.frombuffer(fingerprint().encode(), dtype=np.uint8),
    }
    for name, terms, part in (
        ("words", prepared.words, weights[:, measured : measured + known]),
        ("pieces", prepared.pieces, weights[:, measured + known : after]),
        ("subwords", prepared.subwords, weights[:, after:] @ prepared.vectors.T),
    ):
        arrays[f"{name}_terms"] = np.frombuffer("\n".join(terms.vocabulary).encode(), dtype=np.uint8)
        arrays[f"{name}_rarity"] = terms.idf.astype(np.float16)
        arrays[f"{name}_weights"] = part.astype(np.float16)
    packed = io.BytesIO()
    np.savez_compressed(packed, **arrays)  # type: ignore[arg-type]  # older numpy stores allow_pickle as an array
    path.write_bytes(packed.getvalue())


def main() -> None:
    """Learn, measure by cross-validation, and write the file."""
    parser = argparse.ArgumentParser(description="Learn from the examples, and write what the classifier reads.")
    parser.add_argument("vectors", type=Path, help="a folder with vocab.txt and model.safetensors of a text encoder")
    prepared = prepare(all_examples(), load_vectors(parser.parse_args().vectors))
    labels, written = prepared.labels, np.array([kind == WRITTEN for kind in prepared.kinds])
    scores = cross_validate(prepared)
    right = scores.argmax(axis=1) == labels
    temperature = best_temperature(scores[written], labels[written])
    save(prepared, prepared.fit(), temperature, MODEL)
    after = softmax(scores / temperature)
    sys.stdout.write(
        f"5-fold cross-validation: {right[written].mean():.1%} of {written.sum()} examples that were written out, "
        f"{right[~written].mean():.1%} of {(~written).sum()} that are composed, each kind unseen\n"
        f"temperature {temperature:.2f}: expected calibration error "
        f"{calibration_error(after[written], labels[written]):.3f} and "
        f"{calibration_error(after[~written], labels[~written]):.3f}\n"
        f"{MODEL.name}: {MODEL.stat().st_size // 1024} kB\n"
    )


if __name__ == "__main__":
    main()

"""Learns from the examples, with scikit-learn: `python -m chains.classifier.train` writes what the classifier reads."""

import hashlib
import io
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix, hstack
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold

from chains.classifier import features
from chains.classifier.examples import CATEGORIES, Example, load_examples
from chains.classifier.linear_model import softmax
from chains.classifier.local_classifier import MODEL
from chains.classifier.tokenization import char_ngrams, clean, words

EXAMPLES = Path(__file__).with_name("examples.jsonl")

READ_BY = ("word_lists.toml", "word_lists.py", "patterns.py", "features.py", "tokenization.py", "train.py")
"""The files that decide what is seen in a question."""

SIGNAL_WEIGHT = 0.4
"""Of the signals against the words, whose vectors have length 1."""

STRENGTH = 10.0
"""Inverse of the regularisation."""

_Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Learned:
    """A fitted regression with the vectorizers in front of it."""

    words: TfidfVectorizer
    pieces: TfidfVectorizer
    regression: LogisticRegression

    def scores(self, texts: Sequence[str]) -> _Floats:
        """Return a row of scores for each cleaned text."""
        found: _Floats = (
            _features(self.words, self.pieces, texts) @ self.regression.coef_.T + self.regression.intercept_
        )
        return found


def learn(examples: Sequence[Example]) -> Learned:
    """Return what can be learned from the examples."""
    texts = [clean(example.question) for example in examples]
    by_words = _vectorizer(words, 1).fit(texts)
    by_pieces = _vectorizer(char_ngrams, 2).fit(texts)  # a word seen once tells something, a piece of one does not
    regression = LogisticRegression(C=STRENGTH, max_iter=1000)
    regression.fit(_features(by_words, by_pieces, texts), _labels(examples))
    return Learned(by_words, by_pieces, regression)


def cross_validate(examples: Sequence[Example], folds: int = 5) -> _Floats:
    """Return a row of scores for each example, from a model that has not seen it."""
    texts, labels = [clean(example.question) for example in examples], _labels(examples)
    scores: _Floats = np.zeros((len(examples), len(CATEGORIES)))
    for seen, held in StratifiedKFold(folds, shuffle=True, random_state=0).split(texts, labels):
        learned = learn([examples[i] for i in seen])
        scores[held] = learned.scores([texts[i] for i in held])
    return scores


def best_temperature(scores: _Floats, labels: npt.NDArray[np.intp]) -> float:
    """Return the divisor of the scores with the smallest log loss (Guo et al., 2017, arXiv:1706.04599)."""
    tried = np.linspace(0.5, 3, 51)
    rows = np.arange(len(labels))
    losses = [-np.log(softmax(scores / one)[rows, labels]).mean() for one in tried]
    return float(tried[int(np.argmin(losses))])


def calibration_error(probabilities: _Floats, labels: npt.NDArray[np.intp], bins: int = 10) -> float:
    """Return the expected calibration error: the mean distance of certainty and accuracy (ibid., equation 3)."""
    certain, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    place = np.minimum((certain * bins).astype(int), bins - 1)
    gaps = [abs(float(right[place == b].mean() - certain[place == b].mean())) * np.mean(place == b) for b in set(place)]
    return float(sum(gaps))


def fingerprint() -> str:
    """Return a digest of everything that what is learned depends on."""
    sources = [EXAMPLES, *(EXAMPLES.with_name(name) for name in READ_BY)]
    return hashlib.sha256("".join(path.read_text(encoding="utf-8") for path in sources).encode()).hexdigest()


def save(learned: Learned, temperature: float, path: Path) -> None:
    """Write arrays alone: numbers, and text as bytes. There is no code in the file."""
    measured = len(features.measure(features.counts("")))
    known = len(learned.words.vocabulary_)
    weights = learned.regression.coef_
    arrays: dict[str, npt.NDArray[np.generic]] = {
        "signals": (weights[:, :measured] * SIGNAL_WEIGHT).astype(np.float32),
        "bias": learned.regression.intercept_.astype(np.float32),
        "temperature": np.array(temperature, dtype=np.float32),
        "fingerprint": np.frombuffer(fingerprint().encode(), dtype=np.uint8),
    }
    for name, vectorizer, part in (
        ("words", learned.words, weights[:, measured : measured + known]),
        ("pieces", learned.pieces, weights[:, measured + known :]),
    ):
        terms = "\n".join(vectorizer.get_feature_names_out()).encode()
        arrays[f"{name}_terms"] = np.frombuffer(terms, dtype=np.uint8)
        arrays[f"{name}_rarity"] = vectorizer.idf_.astype(np.float16)
        arrays[f"{name}_weights"] = part.astype(np.float16)
    packed = io.BytesIO()
    np.savez_compressed(packed, **arrays)  # type: ignore[arg-type]  # older numpy stores allow_pickle as an array
    path.write_bytes(packed.getvalue())


def _vectorizer(analyzer: Callable[[str], list[str]], least: int) -> TfidfVectorizer:
    return TfidfVectorizer(analyzer=analyzer, min_df=least, sublinear_tf=True)


def _features(by_words: TfidfVectorizer, by_pieces: TfidfVectorizer, texts: Sequence[str]) -> csr_matrix:
    measured = np.array([features.measure(features.counts(one)) for one in texts]) * SIGNAL_WEIGHT
    parts = [csr_matrix(measured), by_words.transform(texts), by_pieces.transform(texts)]
    return hstack(parts, format="csr")


def _labels(examples: Sequence[Example]) -> npt.NDArray[np.intp]:
    return np.array([CATEGORIES.index(example.category) for example in examples], dtype=np.intp)


def main() -> None:
    """Learn, measure by cross-validation, and write the file."""
    examples = load_examples(EXAMPLES)
    labels = _labels(examples)
    scores = cross_validate(examples)
    temperature = best_temperature(scores, labels)
    before, after = softmax(scores), softmax(scores / temperature)
    save(learn(examples), temperature, MODEL)
    sys.stdout.write(
        f"{len(examples)} examples, 5-fold cross-validation: {np.mean(scores.argmax(axis=1) == labels):.1%} right\n"
        f"temperature {temperature:.2f}: expected calibration error {calibration_error(before, labels):.3f} before, "
        f"{calibration_error(after, labels):.3f} after\n"
        f"{MODEL.name}: {MODEL.stat().st_size // 1024} kB\n"
    )


if __name__ == "__main__":
    main()

"""Learns a router from people's own examples, with numpy alone: `weir classify --train`."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from chains.classifier.examples import Example
from chains.classifier.features import Evidence, evidence
from chains.classifier.linear_model import LinearModel, Subwords, Terms, load, softmax
from chains.classifier.local_classifier import MODEL, LocalDecision
from chains.classifier.meanings import meanings
from chains.classifier.source_report import Judged
from chains.classifier.tokenization import char_ngrams, clean, words
from chains.classifier.trained_router_file import no_signals
from weir.config.router_catalogue import MAX_ROUTES

FEWEST, MOST = 10, 20_000
"""Examples of one category, and of all, that can be learned from."""

FOLDS = 5
STRENGTH = 10.0
"""Inverse of the regularisation. Between 1 and 20 it changes a hundredth."""

MEANING_WEIGHT = 4.0
"""Of the mean vector of a text's words against its words, whose vectors have length 1."""

STEPS, PRECISION = 400, 1e-5
"""Of the optimizer: steps at most, and the slope at which it ends."""

ENOUGH = 0.9
"""Share of the answers that are to be right, in the threshold that is suggested."""

_Floats = npt.NDArray[np.float64]
_Places = npt.NDArray[np.intp]


class TrainingError(ValueError):
    """The examples are not enough; the text is a sentence for people."""


@dataclass(frozen=True, slots=True)
class Trained:
    """What was learned, and what to expect of it."""

    model: LinearModel
    judged: Sequence[Judged]
    """The examples, each decided by a model that has not seen it, without a threshold."""


@dataclass(frozen=True, slots=True)
class _Rows:
    """A sparse matrix: a row for each text, a column for each term."""

    row: _Places
    column: _Places
    value: _Floats
    texts: int
    columns: int

    def times(self, weights: _Floats) -> _Floats:
        """Return a row of scores for each text. `weights` has a row for each category."""
        each = weights[:, self.column] * self.value
        return np.stack([np.bincount(self.row, one, self.texts) for one in each], axis=1)

    def gradient(self, errors: _Floats) -> _Floats:
        """Return the sum of the rows of all texts, weighed by the error of each category."""
        each = errors.T[:, self.row] * self.value
        return np.stack([np.bincount(self.column, one, self.columns) for one in each])


def train(examples: Sequence[Example]) -> Trained:
    """Learn from examples, and measure it by cross-validation. Raises TrainingError."""
    check(examples)
    categories = tuple(dict.fromkeys(example.category for example in examples))
    labels = np.array([categories.index(example.category) for example in examples], dtype=np.intp)
    found = [evidence(clean(example.question)) for example in examples]
    scores = _cross_validate(found, labels, len(categories))
    temperature = _best_temperature(scores, labels)
    probabilities = softmax(scores / temperature)
    judged = [
        Judged("", example, _decision(categories, row)) for example, row in zip(examples, probabilities, strict=True)
    ]
    model = _fit(found, labels, categories, temperature, suggested_threshold(probabilities, labels))
    return Trained(model, judged)


def check(examples: Sequence[Example]) -> None:
    """Raise TrainingError if nothing can be learned from the examples."""
    counted = Counter(example.category for example in examples)
    if len(counted) < 2:
        raise TrainingError("There is one category alone: a router needs examples of at least two.")
    if len(counted) > MAX_ROUTES:
        raise TrainingError(f"There are {len(counted)} categories, and a router has {MAX_ROUTES} at most.")
    if len(examples) > MOST:
        raise TrainingError(f"There are {len(examples):,} examples, and {MOST:,} can be learned from.")
    few = [f"{category} has {count}" for category, count in counted.items() if count < FEWEST]
    if few:
        raise TrainingError(f"Each category needs {FEWEST} examples at least, better 30 or more: {', '.join(few)}.")


def suggested_threshold(probabilities: _Floats, labels: _Places) -> float:
    """Return the lowest threshold above which `ENOUGH` of the answers are right, and at least half are answered.

    Where there is none, the best of those that leave half of the questions answered.
    """
    certain, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    best, best_share = 0.0, -1.0
    for tried in np.arange(0.0, 0.951, 0.05):
        answered = certain >= tried
        if answered.mean() < 0.5:
            break
        share = float(right[answered].mean())
        if share >= ENOUGH:
            return round(float(tried), 2)
        if share > best_share:
            best, best_share = float(tried), share
    return round(best, 2)


def _cross_validate(found: Sequence[Evidence], labels: _Places, categories: int) -> _Floats:
    """Return a row of scores for each example, from a model that has not seen it."""
    fold = np.zeros(len(labels), dtype=np.intp)
    for category in range(categories):
        places = np.flatnonzero(labels == category)
        fold[places] = np.arange(len(places)) % FOLDS
    scores: _Floats = np.zeros((len(labels), categories))
    for held in range(FOLDS):
        learned = [one for one, place in zip(found, fold, strict=True) if place != held]
        model = _fit(learned, labels[fold != held], tuple(map(str, range(categories))), 1.0, 0.0)
        for place in np.flatnonzero(fold == held).tolist():
            scores[place] = model.scores(found[place])
    return scores


def _fit(
    found: Sequence[Evidence], labels: _Places, categories: Sequence[str], temperature: float, threshold: float
) -> LinearModel:
    by_words = _terms([(words(one.parts.instruction), words(one.parts.rest)) for one in found])
    by_pieces = _terms([(char_ngrams(one.parts.instruction), []) for one in found])
    known = load(MODEL).subwords
    means = _means(known, found)
    vectors = (meanings() - means.mean(axis=0)) * MEANING_WEIGHT
    rows = _rows(
        [by_words.vector(words(one.parts.instruction), words(one.parts.rest)) for one in found],
        [by_pieces.vector(char_ngrams(one.parts.instruction), []) for one in found],
        len(by_words.vocabulary),
        len(by_pieces.vocabulary),
    )
    weights, bias = _regression(rows, _means(known, found, vectors), labels, len(categories))
    first, last = len(by_words.vocabulary), rows.columns
    return LinearModel(
        words=replace(by_words, weights=weights[:, :first]),
        pieces=replace(by_pieces, weights=weights[:, first:last]),
        subwords=replace(known, weights=weights[:, last:] @ vectors.T),
        signals=no_signals(len(categories)),
        bias=bias,
        temperature=temperature,
        categories=tuple(categories),
        threshold=threshold,
    )


def _terms(texts: Sequence[tuple[list[str], list[str]]]) -> Terms:
    """Return the terms of all texts, without weights."""
    texts_of = Counter(term for asked, given in texts for term in {*asked, *given})
    known = sorted(texts_of)
    idf = np.log((1 + len(texts)) / (1 + np.array([texts_of[term] for term in known], dtype=np.float64))) + 1
    return Terms({term: place for place, term in enumerate(known)}, idf, np.zeros((1, len(known))))


def _means(known: Subwords, found: Sequence[Evidence], vectors: _Floats | None = None) -> _Floats:
    """Return the mean vector of the words of each text."""
    table = meanings() if vectors is None else vectors
    shares = [known.shares(one.parts.instruction, one.parts.rest) for one in found]
    return np.array([share @ table[places] for places, share in shares])


def _rows(
    by_words: Sequence[tuple[_Places, _Floats]], by_pieces: Sequence[tuple[_Places, _Floats]], first: int, more: int
) -> _Rows:
    rows, columns, values = [], [], []
    for row, ((places, value), (pieces, of_pieces)) in enumerate(zip(by_words, by_pieces, strict=True)):
        rows.append(np.full(len(places) + len(pieces), row, dtype=np.intp))
        columns += [places, pieces + first]
        values += [value, of_pieces]
    return _Rows(np.concatenate(rows), np.concatenate(columns), np.concatenate(values), len(by_words), first + more)


def _regression(rows: _Rows, means: _Floats, labels: _Places, categories: int) -> tuple[_Floats, _Floats]:
    """Return weights and bias of a logistic regression with as much weight for each category.

    Nesterov's gradient with a restart where it overshoots (O'Donoghue and Candès, 2015, doi:10.1007/s10208-013-9150-3):
    the loss is smooth and convex, and scipy, which has a solver, is not installed where Weir runs.
    """
    share = np.zeros((len(labels), categories))
    share[np.arange(len(labels)), labels] = 1.0
    weight = (len(labels) / categories / share.sum(axis=0))[labels][:, None] / len(labels)
    decay = 1 / (STRENGTH * len(labels))
    lengths = np.bincount(rows.row, rows.value**2, rows.texts) + (means**2).sum(axis=1) + 1
    step = 1 / (0.5 * float((lengths[:, None] * weight).sum()) + decay)
    found = np.zeros((categories, rows.columns + means.shape[1] + 1))
    ahead, momentum = found.copy(), 1.0
    for _ in range(STEPS):
        scores = rows.times(ahead[:, : rows.columns]) + means @ ahead[:, rows.columns : -1].T + ahead[:, -1]
        errors = (softmax(scores) - share) * weight
        slope = np.hstack([rows.gradient(errors), errors.T @ means, errors.sum(axis=0)[:, None]])
        slope[:, :-1] += decay * ahead[:, :-1]
        if float(np.abs(slope).max()) < PRECISION:
            break
        after = ahead - step * slope
        if float((slope * (after - found)).sum()) > 0:
            momentum = 1.0
        following = (1 + (1 + 4 * momentum**2) ** 0.5) / 2
        ahead = after + (momentum - 1) / following * (after - found)
        found, momentum = after, following
    return found[:, :-1], found[:, -1]


def _best_temperature(scores: _Floats, labels: _Places) -> float:
    """Return the divisor of the scores with the smallest log loss: certainty is then as often right as it says."""
    tried = np.geomspace(0.2, 5, 60)
    losses = [-np.log(softmax(scores / one)[np.arange(len(labels)), labels] + 1e-12).mean() for one in tried]
    return float(tried[int(np.argmin(losses))])


def _decision(categories: Sequence[str], row: _Floats) -> LocalDecision:
    found = {category: float(p) for category, p in zip(categories, row, strict=True)}
    return LocalDecision(categories[int(row.argmax())], found, False, "", 0.0)

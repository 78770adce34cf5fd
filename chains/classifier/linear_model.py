"""What was learned from the examples: `chains.classifier.train` writes it, numpy alone applies it."""

import functools
import math
import threading
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from chains.classifier import features
from chains.classifier.examples import CATEGORIES
from chains.classifier.features import Evidence
from chains.classifier.subwords import subwords
from chains.classifier.tokenization import char_ngrams, tokens, words

_Floats = npt.NDArray[np.float64]

THRESHOLD = 0.45
"""Probability below which the classifier that comes with Weir abstains."""

GIVEN_WEIGHT = 0.3
"""Of a word outside the instruction against one in it."""


@dataclass(frozen=True, slots=True)
class Terms:
    """Terms that were learned: their places, how rare each is, and how much each speaks for each category."""

    vocabulary: Mapping[str, int]
    idf: _Floats
    """Inverse document frequency of each term."""
    weights: _Floats
    """One row for each category."""

    def vector(self, asked: Iterable[str], given: Iterable[str]) -> tuple[npt.NDArray[np.intp], _Floats]:
        """Return the places of the known terms and their values: TF-IDF, those of the rest by `GIVEN_WEIGHT`."""
        weighed: dict[int, float] = {}
        for terms, weight in ((asked, 1.0), (given, GIVEN_WEIGHT)):
            counted = Counter(place for term in terms if (place := self.vocabulary.get(term)) is not None)
            for place, count in counted.items():
                weighed[place] = weighed.get(place, 0.0) + weight * (1 + math.log(count))
        places = np.fromiter(weighed.keys(), dtype=np.intp, count=len(weighed))
        values = np.fromiter(weighed.values(), dtype=np.float64, count=len(weighed)) * self.idf[places]
        return places, values / (np.linalg.norm(values) or 1)


@dataclass(frozen=True, slots=True)
class Subwords:
    """Words that no example needs to have: their places, how much each counts, and how much it speaks for what.

    They count as their mean, so that evidence does not grow with the length of a text.
    """

    vocabulary: Mapping[str, int]
    idf: _Floats
    weights: _Floats
    """One row for each category."""

    def shares(self, asked: str, given: str) -> tuple[npt.NDArray[np.intp], _Floats]:
        """Return the places of the known words of both texts, and their shares of the mean: those of `given` less."""
        found = [[self.vocabulary[piece] for piece in subwords(text, self.vocabulary)] for text in (asked, given)]
        places = np.array([*found[0], *found[1]], dtype=np.intp)
        shares = self.idf[places]
        shares[len(found[0]) :] *= GIVEN_WEIGHT
        return places, shares / (shares.sum() or 1)

    def scores(self, asked: str, given: str) -> _Floats:
        """Return what the words of a text add to the score of each category."""
        places, shares = self.shares(asked, given)
        total: _Floats = self.weights[:, places] @ shares
        return total


@dataclass(frozen=True, slots=True)
class LinearModel:
    """A logistic regression over words, pieces of words, subwords and signals."""

    words: Terms
    pieces: Terms
    subwords: Subwords
    signals: _Floats
    bias: _Floats
    temperature: float
    categories: Sequence[str] = CATEGORIES
    """One for each row of the weights."""
    threshold: float = THRESHOLD
    """Probability below which it is too uncertain, where nothing else is set."""

    def scores(self, found: Evidence) -> _Floats:
        """Return a score for each category, before the temperature."""
        total: _Floats = self.bias + self.signals @ np.array(features.measure(found))
        parts = found.parts
        for terms, asked, given in (
            (self.words, words(parts.instruction), words(parts.rest)),
            (self.pieces, char_ngrams(parts.instruction), []),
        ):
            places, values = terms.vector(asked, given)
            total = total + terms.weights[:, places] @ values
        return total + self.subwords.scores(parts.instruction, parts.rest)

    def probabilities(self, found: Evidence) -> _Floats:
        """Return the probability of each category."""
        return softmax(self.scores(found) / self.temperature)

    def knows(self, text: str, found: Evidence) -> bool:
        """Return whether there is anything in a text that was learned."""
        return found.is_any or any(token in self.words.vocabulary for token in tokens(text) if token.isalnum())

    def reason(self, found: Evidence, category: int) -> str:
        """Return what spoke most for a category, in the words of the text where there are any."""
        spoke: dict[str, float] = defaultdict(float)
        text = found.parts.instruction
        measured, words_of = features.measure(found), features.quotes(text)
        for signal, value, weight in zip(features.SIGNALS, measured, _against(self.signals, category), strict=False):
            if value:
                quoted = words_of.get(signal.name, ())
                for name in [_quoted(quote) for quote in quoted] or [signal.description]:
                    spoke[name] += float(value * weight) / max(1, len(quoted))
        vectors = (
            (self.words, self.words.vector(words(text), words(found.parts.rest))),
            (self.subwords, self.subwords.shares(text, found.parts.rest)),
        )
        rare = min(_RARE, 0.6 * float(self.words.idf.max()))
        for token in {token for token in tokens(text) if len(token) > 3 and token.isalpha()}:
            place = self.words.vocabulary.get(token)
            if place is None or self.words.idf[place] <= rare:
                continue
            for terms, (places, values) in vectors:
                here = places == terms.vocabulary.get(token, -1)
                spoke[_quoted(token)] += float(_against(terms.weights[:, places[here]], category) @ values[here])
        best = sorted((name for name in spoke if spoke[name] > _AUDIBLE), key=spoke.__getitem__, reverse=True)[:3]
        if not best:
            is_rest = self.categories == CATEGORIES and CATEGORIES[category] == "general"
            return "nothing in it speaks of mathematics or code." if is_rest else "its words look like that."
        return f"because of {_listed(best)}."


_RARE = 5.0
"""Rarity from which a word is worth quoting: "the" and "how" are in every question. Of few examples none is as rare."""

_AUDIBLE = 0.1
"""Share of a score from which a reason is worth telling."""


def _against(weights: _Floats, category: int) -> _Floats:
    """Return how much each column speaks for one category against the mean of the others."""
    others: _Floats = np.delete(weights, category, axis=0).mean(axis=0)
    against: _Floats = weights[category] - others
    return against


def _quoted(word: str) -> str:
    return f"“{word.casefold()}”"


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


_LOADING = threading.Lock()


def load(path: Path) -> LinearModel:
    """Return the model in a file, read once in a process."""
    with _LOADING:  # two first questions at once load once
        return _load_once(path)


@functools.cache
def _load_once(path: Path) -> LinearModel:
    with np.load(path, allow_pickle=False) as stored:
        return LinearModel(
            words=terms_in(stored, "words"),
            pieces=terms_in(stored, "pieces"),
            subwords=_subwords(stored),
            signals=stored["signals"].astype(np.float64),
            bias=stored["bias"].astype(np.float64),
            temperature=float(stored["temperature"]),
        )


def _subwords(stored: Mapping[str, npt.NDArray[Any]]) -> Subwords:
    terms = terms_in(stored, "subwords")
    return Subwords(terms.vocabulary, terms.idf, terms.weights)


def terms_in(stored: Mapping[str, npt.NDArray[Any]], name: str) -> Terms:
    """Return the terms of that name in the arrays of a file."""
    listed = stored[f"{name}_terms"].tobytes().decode("utf-8").split("\n")
    return Terms(
        vocabulary={term: place for place, term in enumerate(listed)},
        idf=stored[f"{name}_rarity"].astype(np.float64),
        weights=stored[f"{name}_weights"].astype(np.float64),
    )


def softmax(scores: _Floats) -> _Floats:
    """Return probabilities for scores, along the last axis."""
    powers: _Floats = np.exp(scores - scores.max(axis=-1, keepdims=True))
    sums: _Floats = powers.sum(axis=-1, keepdims=True)
    return powers / sums

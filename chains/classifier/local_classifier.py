"""The local classifier: says in a millisecond where a question goes, with how much certainty, and why."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from chains.classifier import features
from chains.classifier.examples import Category
from chains.classifier.features import Evidence
from chains.classifier.follow_up import follow_up_weight
from chains.classifier.linear_model import LinearModel, load
from chains.classifier.tokenization import clean, readable

MODEL = Path(__file__).with_name("model.npz")
"""What `chains.classifier.train` made of the examples."""

_TURNS = 3
"""Earlier questions that a follow-up looks back on."""


@dataclass(frozen=True, slots=True)
class LocalDecision:
    """Where a question goes."""

    category: Category
    probabilities: Mapping[Category, float]
    """Of each category; their sum is 1."""
    abstained: bool
    """Whether the category is the fallback only for want of certainty."""
    reason: str
    """One sentence for people."""
    seconds: float


class LocalClassifier:
    """Decides by what was learned from the examples; reads it at the first question, once in a process.

    Any number of threads may ask it, and any number of classifiers share what one has read.
    """

    def __init__(
        self,
        model: Path = MODEL,
        threshold: float | None = None,
        fallback: Category = "general",
        read: Callable[[Path], LinearModel] = load,
    ) -> None:
        """Read `model` at the first question. `read` is `read_router` for what `weir classify --train` has written.

        Below `threshold`, by default that of the file, a question goes to `fallback`.
        """
        self._path = model
        self._read = read
        self._threshold = threshold
        self._fallback = fallback

    @property
    def categories(self) -> Sequence[Category]:
        """The categories that it tells apart. Raises RouterFileError."""
        return self._model().categories

    @property
    def threshold(self) -> float:
        """Probability below which it abstains. Raises RouterFileError."""
        return self._model().threshold if self._threshold is None else self._threshold

    def warm_up(self) -> None:
        """Read now what would be read at the first question. Raises RouterFileError."""
        self._model()

    def _model(self) -> LinearModel:
        return self._read(self._path)

    def decide(self, question: str, history: Sequence[tuple[str, str]] = ()) -> LocalDecision:
        """Return where a question goes. `history` is the conversation so far, as `(role, text)`, oldest first."""
        model = self._model()
        began = time.perf_counter()
        earlier = [text for role, text in history if role in ("human", "user")][-_TURNS:]
        read = _Read.of(question)
        found, before = _in_context(model, read, earlier)
        likeliest = model.categories[int(found.argmax())]
        abstained = float(found.max()) < self.threshold
        if not readable(question):
            abstained, reason = True, "There are no words in it."
        elif not before and not model.knows(read.text, read.signals):
            abstained, reason = True, "None of its words is known."
        elif abstained:
            reason = "Nothing in it points clearly to one category."
        else:
            about = before or read
            why = model.reason(about.signals, model.categories.index(likeliest))
            reason = f"It follows up an earlier question: {why}" if before else why[0].upper() + why[1:]
        return LocalDecision(
            category=self._fallback if abstained else likeliest,
            probabilities={category: float(p) for category, p in zip(model.categories, found, strict=True)},
            abstained=abstained,
            reason=reason,
            seconds=time.perf_counter() - began,
        )

    def category(self, question: str, history: Sequence[tuple[str, str]] = ()) -> Category:
        """Return the category alone."""
        return self.decide(question, history).category


@dataclass(frozen=True, slots=True)
class _Read:
    """A question as it is looked at. Searching it for the signals takes most of a decision's time."""

    text: str
    signals: Evidence

    @classmethod
    def of(cls, question: str) -> "_Read":
        text = clean(question)
        return cls(text, features.evidence(text))


def _in_context(
    model: LinearModel, read: _Read, earlier: Sequence[str]
) -> tuple[npt.NDArray[np.float64], _Read | None]:
    """Return the probabilities, and the question before if it decided."""
    own = model.probabilities(read.signals)
    if not earlier:
        return own, None
    lean = follow_up_weight(read.text, read.signals.asked, own, model.categories)
    if not lean:
        return own, None
    last = _Read.of(earlier[-1])
    before, _ = _in_context(model, last, earlier[:-1])
    mixed = (1 - lean) * own + lean * before
    return mixed, last if mixed.argmax() == before.argmax() and lean > 0.5 else None

import json
import re
import subprocess
import sys
import threading
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from chains.classifier.compose import compose
from chains.classifier.evaluate import FOLLOW_UPS, GOLDEN, HOLDOUT, evaluate, main, report
from chains.classifier.examples import CATEGORIES, Category, Example, load_examples
from chains.classifier.features import evidence
from chains.classifier.linear_model import load
from chains.classifier.local_classifier import MODEL, LocalClassifier, LocalDecision
from chains.classifier.tokenization import clean, tokens
from chains.classifier.word_vectors import WordVectors
from tests.support.pumping import takes_at_most

EXAMPLES = MODEL.with_name("examples.jsonl")


@pytest.fixture(scope="module")
def classifier() -> LocalClassifier:
    return LocalClassifier()


@pytest.mark.parametrize(
    ("question", "category"),
    [
        ("What is the derivative of x^2?", "math"),
        ("convert 5 miles to km", "math"),
        ("prove that sqrt 2 is irrational", "math"),
        ("Berapa 25 dikali 17?", "math"),
        ("solve for x in this Python-like expression: 2*x + 1 == 7", "math"),
        ("write a SQL query that computes the average", "code"),
        ("write a program that computes primes", "code"),
        ("what is recursion?", "code"),
        ("apa itu rekursi?", "code"),
        ("KeyError: 'user'", "code"),
        ("Is Python a dangerous snake?", "general"),
        ("Who invented calculus?", "general"),
        ("explain the history of Java, the island", "general"),
        ("how many planets are there?", "general"),
        ("write a poem about algebra", "general"),
        ("translate 'good morning' into French", "general"),
        ("Siapa presiden pertama Indonesia?", "general"),
        ("解方程 3x + 5 = 20", "math"),
        ("用 Python 写一个函数", "code"),
        ("Return the longest word of a list.\n\n>>> longest(['a', 'bcd'])\n'bcd'", "code"),
        ("Which of these is an emotion?\nA. joy\nB. a chair\nC. 3\nD. x", "general"),
        ("Write a letter to my aunt with 3 paragraphs and at least 200 words, as JSON.", "general"),
        ("A baker has nine buns and sells four. A friend brings her two. How many buns are there?", "math"),
    ],
)
def test_a_question_goes_where_it_belongs(classifier: LocalClassifier, question: str, category: str) -> None:
    assert classifier.decide(question).category == category


@pytest.mark.parametrize("path", [GOLDEN, HOLDOUT], ids=lambda path: path.stem)
def test_at_least_95_percent_of_unseen_questions_go_where_they_belong(classifier: LocalClassifier, path: Path) -> None:
    found = evaluate(classifier.category, load_examples(path))
    assert found.accuracy >= 0.95, report(path.name, found)
    assert found.by_language["id"] >= 0.95


def test_follow_ups_go_by_their_context(classifier: LocalClassifier) -> None:
    found = evaluate(classifier.category, load_examples(FOLLOW_UPS))
    assert found.accuracy >= 0.95, report("follow-ups", found)


@pytest.mark.parametrize(
    "earlier", ["What is the derivative of x^3?", "Write a Python function that sorts a list", "Who wrote Hamlet?"]
)
def test_a_full_question_does_not_lean_on_the_one_before(classifier: LocalClassifier, earlier: str) -> None:
    history = [("human", earlier), ("ai", "Here it is.")]
    questions = [example.question for example in load_examples(GOLDEN)]
    leaning = [q for q in questions if classifier.category(q) != classifier.category(q, history)]
    assert len(leaning) <= len(questions) / 500, leaning


def test_only_what_people_said_is_context(classifier: LocalClassifier) -> None:
    history = [("ai", "Write a Python function that sorts a list")]
    assert classifier.decide("why?", history).probabilities == classifier.decide("why?").probabilities


def test_a_follow_up_says_that_it_is_one(classifier: LocalClassifier) -> None:
    found = classifier.decide("why?", [("human", "What is the derivative of x^3?"), ("ai", "3x^2")])
    assert found.reason.startswith("It follows up an earlier question: because of ")


def test_a_decision_names_the_words_that_spoke_for_it(classifier: LocalClassifier) -> None:
    assert "“derivative”" in classifier.decide("What is the derivative of x^2?").reason
    assert "“function”" in classifier.decide("Write a Python function that reverses a string").reason


HOSTILE = {
    "empty": "",
    "spaces": " \n\t ",
    "control characters": "\x00\x01\x1b[31m",
    "a lone surrogate": "\ud800",
    "emoji": "😀🎉👩‍👩‍👧",
    "punctuation": "?!…",
    "Chinese": "什么是递归",
    "Arabic": "كيف حالك",
    "Russian": "Расскажи мне сказку",
    "20,000 letters": "x" * 20_000,
    "20,000 digits": "1" * 20_000,
    "20,000 brackets": "(" * 20_000,
    "words without end": "how many km in a mile " * 900,
    "code without end": "if (a.b(" * 2_500,
    "LaTeX without end": "\\frac{" * 3_300,
}


@pytest.mark.parametrize("question", HOSTILE.values(), ids=HOSTILE)
def test_any_text_gets_a_decision(classifier: LocalClassifier, question: str) -> None:
    found = classifier.decide(question, [("human", question), ("ai", question)])
    assert found.category in CATEGORIES
    assert sum(found.probabilities.values()) == pytest.approx(1)
    assert found.reason
    assert found.seconds > 0


COSTLY = (
    *(
        "\n",
        "\t",
        " ",
        "-",
        "_",
        "\r\n",
        "a ",
        "1 ",
        "1.",
        "\ufdfa",
        "write ",
        "write-",
        "select ",
        "404 ",
        "A1 ",
        "1 g in ",
    ),
    *(
        "solve ",
        "{a: ",
        "while a",
        "[1, ",
        "$_",
        "`a",
        "<a ",
        "a.b(",
        "in python ",
        "a_b ",
        "=1",
        "import ",
        "\\a{",
        f"{'zq' * 20} ",
    ),
)


@pytest.mark.parametrize("unit", COSTLY)
def test_20000_characters_of_anything_are_classified_in_50_milliseconds(classifier: LocalClassifier, unit: str) -> None:
    question = (unit * 20_000)[:20_000]
    history = [("human", question)] * 3
    classifier.warm_up()
    assert takes_at_most(0.05, lambda: classifier.decide(question, history))
    assert takes_at_most(0.05, lambda: classifier.decide("and then?", history))


@pytest.mark.parametrize("question", [HOSTILE[name] for name in ("empty", "emoji", "punctuation")])
def test_what_cannot_be_read_is_general_for_want_of_certainty(classifier: LocalClassifier, question: str) -> None:
    found = classifier.decide(question)
    assert (found.category, found.abstained) == ("general", True)


def test_below_the_threshold_a_question_is_general_for_want_of_certainty() -> None:
    question = "What is the derivative of x^2?"
    certain = LocalClassifier(threshold=0.5).decide(question)
    doubtful = LocalClassifier(threshold=1.01).decide(question)
    assert (certain.category, certain.abstained) == ("math", False)
    assert (doubtful.category, doubtful.abstained) == ("general", True)
    assert doubtful.probabilities == certain.probabilities
    assert doubtful.reason == "Nothing in it points clearly to one category."


def test_threads_that_ask_first_at_once_read_the_model_once(tmp_path: Path) -> None:
    path = tmp_path / "model.npz"
    path.write_bytes(MODEL.read_bytes())
    together = threading.Barrier(8)
    read = []

    def ask() -> None:
        together.wait()
        LocalClassifier(path).decide("What is 2 + 2?")
        read.append(id(load(path)))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(read) == 8
    assert len(set(read)) == 1


def test_the_model_file_holds_no_objects() -> None:
    with np.load(MODEL, allow_pickle=False) as stored:
        assert all(stored[name].dtype.kind in "uf" for name in stored.files)


# The files of questions -----------------------------------------------------------------------------------------------


def normal(question: str) -> str:
    return " ".join(re.findall(r"\w+", re.sub(r"\d+", "0", question.casefold())))


def trigrams(question: str) -> set[str]:
    text = f" {normal(question)} "
    return {text[i : i + 3] for i in range(len(text) - 2)}


def nearest(question: str, index: dict[str, list[int]], sizes: list[int]) -> float:
    """Return the largest Jaccard similarity of trigrams with any indexed question."""
    own = trigrams(question)
    shared = Counter(number for gram in own for number in index[gram])
    return max((both / (len(own) + sizes[number] - both) for number, both in shared.items()), default=0.0)


@dataclass(frozen=True, slots=True)
class Learned:
    """The questions that the classifier has learned, so that one like another is found."""

    verbatim: frozenset[str]
    index: dict[str, list[int]]
    """Their numbers, by the trigrams that they have."""
    sizes: list[int]
    """How many trigrams each has."""


@pytest.fixture(scope="module")
def learned() -> Learned:
    written = [example.question for example in load_examples(EXAMPLES)]
    examples = [*written, *(example.question for _, example in compose())]
    verbatim = frozenset(re.sub(r"\s", "", question.casefold()) for question in examples)
    index: dict[str, list[int]] = defaultdict(list)
    sizes = []
    for number, question in enumerate(examples):
        grams = trigrams(question)
        sizes.append(len(grams))
        for gram in grams:
            index[gram].append(number)
    return Learned(verbatim, index, sizes)


@pytest.mark.slow
@pytest.mark.parametrize("path", [GOLDEN, HOLDOUT], ids=lambda path: path.stem)
def test_no_question_of_a_test_is_an_example_or_nearly_one(learned: Learned, path: Path) -> None:
    for example in load_examples(path):
        assert re.sub(r"\s", "", example.question.casefold()) not in learned.verbatim
        # What is left of bare arithmetic without its numbers and signs is always alike.
        if re.search(r"[^\W\d]", normal(example.question)):
            assert nearest(example.question, learned.index, learned.sizes) < 0.6, example.question


@pytest.mark.parametrize("path", [EXAMPLES, GOLDEN, HOLDOUT, FOLLOW_UPS], ids=lambda path: path.stem)
def test_a_file_has_each_question_once_and_known_categories(path: Path) -> None:
    rows = load_examples(path)
    assert {row.category for row in rows} == set(CATEGORIES)
    counts = Counter((row.question, row.history) for row in rows)
    assert [question for question, count in counts.items() if count > 1] == []


def test_there_are_enough_test_questions_a_third_of_them_indonesian() -> None:
    rows = load_examples(GOLDEN)
    assert len(rows) >= 300
    assert sum(row.language == "id" for row in rows) >= len(rows) / 3
    assert len(load_examples(FOLLOW_UPS)) >= 40


# Measuring ------------------------------------------------------------------------------------------------------------


def always_code(question: str, history: object) -> Category:
    return "code"


ROWS = [Example("2 + 2", "math", "en"), Example("git", "code", "en"), Example("apa kabar", "general", "id")]


def test_an_evaluation_counts_what_went_where() -> None:
    found = evaluate(always_code, ROWS)
    assert found.accuracy == pytest.approx(1 / 3)
    assert found.by_language == {"en": 0.5, "id": 0.0}
    assert found.confusion["math"] == {"math": 0, "code": 1, "general": 0}
    assert [answer.example.question for answer in found.misrouted] == ["2 + 2", "apa kabar"]
    assert 0 <= found.median_seconds <= found.p95_seconds


def test_a_report_tells_what_went_wrong_with_its_probabilities() -> None:
    decision = LocalDecision("code", {"math": 0.25, "code": 0.5, "general": 0.25}, False, "", 0.0)
    text = report("three", evaluate(always_code, ROWS), lambda _: decision)
    assert text.startswith("three: 33.3% of 3 questions right (en 50.0%, id 0.0%)")
    assert "  math -> code: '2 + 2'\n    math 0.25, code 0.50, general 0.25" in text


def test_nothing_cannot_be_evaluated() -> None:
    with pytest.raises(ValueError, match="nothing to evaluate"):
        evaluate(always_code, [])


def test_the_command_fails_only_below_the_share_that_is_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "wrong.jsonl"
    path.write_text(json.dumps({"question": "What is 2 + 2?", "category": "general", "language": "en"}))
    assert main([str(path)]) == 0
    assert main([str(path), "--at-least", "0.95"]) == 1
    assert "0.0% of 1 questions right" in capsys.readouterr().out


# Learning: scikit-learn is for development only -----------------------------------------------------------------------


def test_the_model_was_learned_from_these_examples_and_sources() -> None:
    train = pytest.importorskip("chains.classifier.train", exc_type=ModuleNotFoundError)
    with np.load(MODEL, allow_pickle=False) as stored:
        assert stored["fingerprint"].tobytes().decode() == train.fingerprint(), "run make train"


@pytest.mark.slow
def test_numpy_scores_as_scikit_learn_does(tmp_path: Path) -> None:
    train = pytest.importorskip("chains.classifier.train", exc_type=ModuleNotFoundError)
    examples = train.all_examples()
    terms = sorted({token for _, example in examples[::50] for token in tokens(example.question)})
    vectors = WordVectors(terms, np.random.default_rng(1).normal(size=(len(terms), 8)).astype(np.float32))
    prepared = train.prepare(examples[::20], vectors)
    regression = prepared.fit()
    train.save(prepared, regression, 1.0, tmp_path / "model.npz")
    model = load(tmp_path / "model.npz")
    found = [evidence(clean(example.question)) for example in load_examples(GOLDEN)[::10]]
    theirs = regression.decision_function(prepared.rows_of(found))
    np.testing.assert_allclose([model.scores(one) for one in found], theirs, atol=0.05)


def test_deciding_imports_nothing_heavy() -> None:
    script = (
        "import sys; from chains.classifier.local_classifier import LocalClassifier\n"
        "LocalClassifier().decide('2 + 2')\n"
        "sys.exit(bool({'sklearn', 'scipy', 'streamlit'} & sys.modules.keys()))"
    )
    assert subprocess.run([sys.executable, "-c", script], cwd=MODEL.parents[2], check=False).returncode == 0

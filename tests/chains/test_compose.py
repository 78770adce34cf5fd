import re
from collections import Counter

from chains.classifier.compose import compose


def test_the_same_examples_are_composed_each_time() -> None:
    assert compose() == compose()


def test_each_kind_has_examples_and_no_slot_is_left() -> None:
    composed = compose()
    assert min(Counter(kind for kind, _ in composed).values()) >= 10
    assert [example.question for _, example in composed if re.search(r"\{[a-z_]{3,}\}", example.question)] == []
    assert len({example.question for _, example in composed}) == len(composed)

import re

import pytest

from chains.classifier.word_lists import LISTS, WordFinder, alternatives


def test_each_list_has_words_and_each_word_once() -> None:
    for name, words in LISTS.items():
        assert words, name
        assert len(set(words)) == len(words), name


def test_a_word_is_found_in_any_case_and_not_within_another() -> None:
    find = WordFinder(["languages"]).find
    assert find("JavaScript, please") == {"languages": ["javascript"]}
    assert find("gitter, digit") == {}


def test_a_phrase_counts_once_and_not_its_words_again() -> None:
    assert WordFinder(["strong_code", "code_words"]).find("a linked list of vue.js") == {
        "strong_code": ["linked list"],
        "code_words": ["linked list"],
    }
    assert WordFinder(["languages"]).find("vue.js and C++") == {"languages": ["vue.js", "c++"]}


def test_a_word_with_a_star_stands_for_all_that_begin_so() -> None:
    assert WordFinder(["math_words"]).find("Wahrscheinlichkeiten") == {"math_words": ["wahrscheinlichkeiten"]}


@pytest.mark.parametrize("name", LISTS)
def test_a_list_can_be_part_of_a_pattern(name: str) -> None:
    pattern = re.compile(alternatives(name))
    assert all(pattern.fullmatch(word.removesuffix("*")) for word in LISTS[name])

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.json_texts import DOCUMENTS
from weir.partial_json.adversarial_chunking import (
    by_characters,
    decoded,
    drop_last,
    split_inside_characters,
    split_inside_tokens,
)


def is_unicode(text: str) -> bool:
    """Whether UTF-8 can encode a text: it has no lone surrogates."""
    return text.encode("utf-8", "replace").decode() == text


@given(st.text(), st.integers(1, 9))
def test_chunks_of_any_size_are_the_text(text: str, size: int) -> None:
    chunks = by_characters(text, size)
    assert "".join(chunks) == text
    assert all(len(chunk) == size for chunk in chunks[:-1])
    assert "" not in chunks


def test_a_chunk_has_at_least_one_character() -> None:
    with pytest.raises(ValueError, match="at least one"):
        by_characters("x", 0)


@given(st.one_of(DOCUMENTS, st.text()))
def test_chunks_cut_inside_tokens_are_the_text(text: str) -> None:
    chunks = split_inside_tokens(text)
    assert "".join(chunks) == text
    assert "" not in chunks


@given(st.one_of(DOCUMENTS.filter(is_unicode), st.text(st.characters(exclude_categories=["Cs"]))))
def test_chunks_cut_inside_characters_are_the_text(text: str) -> None:
    data = split_inside_characters(text)
    assert b"".join(data) == text.encode()
    assert b"" not in data
    assert "".join(decoded(data)) == text


def test_escapes_pairs_numbers_and_literals_are_cut_everywhere() -> None:
    assert split_inside_tokens(r'{"a\n": -1.5, "b": true}') == ['{"a\\', 'n": -', "1", ".", '5, "b": t', "r", "u", "e}"]
    assert split_inside_tokens(json.dumps("😀x")) == ['"\\', *"ud83d\\ude0", '0x"']
    assert split_inside_tokens("") == []


def test_characters_are_cut_between_their_bytes() -> None:
    chunks = split_inside_characters('"é😀"')
    assert chunks == [b'"\xc3', b"\xa9\xf0", b"\x9f", b"\x98", b'\x80"']
    assert list(decoded(chunks)) == ['"', "é", "", "", '😀"']
    assert list(decoded(split_inside_characters("\ud83d"))) != []


def test_invalid_utf8_becomes_replacement_characters() -> None:
    assert list(decoded([b"a\xff", b"\xc3"])) == ["a\ufffd", "", "\ufffd"]


def test_drop_last_removes_the_end_of_a_text() -> None:
    assert drop_last("abc", 0) == "abc"
    assert drop_last("abc", 1) == "ab"
    assert drop_last("abc", 9) == ""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.json_texts import DOCUMENTS
from weir.partial_json.adversarial_chunking import by_characters, decoded, hostile, hostile_bytes, without_end


def is_unicode(text: str) -> bool:
    """Whether UTF-8 can hold it: it has no lone surrogates."""
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
def test_hostile_chunks_are_the_text(text: str) -> None:
    chunks = hostile(text)
    assert "".join(chunks) == text
    assert "" not in chunks


@given(st.one_of(DOCUMENTS.filter(is_unicode), st.text(st.characters(exclude_categories=["Cs"]))))
def test_hostile_bytes_are_the_text(text: str) -> None:
    data = hostile_bytes(text)
    assert b"".join(data) == text.encode()
    assert b"" not in data
    assert "".join(decoded(data)) == text


def test_escapes_pairs_numbers_and_literals_are_cut_everywhere() -> None:
    assert hostile(r'{"a\n": -1.5, "b": true}') == ['{"a\\', 'n": -', "1", ".", '5, "b": t', "r", "u", "e}"]
    assert hostile(json.dumps("😀x")) == ['"\\', *"ud83d\\ude0", '0x"']
    assert hostile("") == []


def test_characters_are_cut_between_their_bytes() -> None:
    chunks = hostile_bytes('"é😀"')
    assert chunks == [b'"\xc3', b"\xa9\xf0", b"\x9f", b"\x98", b'\x80"']
    assert list(decoded(chunks)) == ['"', "é", "", "", '😀"']
    assert list(decoded(hostile_bytes("\ud83d"))) != []


def test_bytes_that_are_no_utf8_are_shown_as_such() -> None:
    assert list(decoded([b"a\xff", b"\xc3"])) == ["a\ufffd", "", "\ufffd"]


def test_a_text_loses_its_end() -> None:
    assert without_end("abc", 0) == "abc"
    assert without_end("abc", 1) == "ab"
    assert without_end("abc", 9) == ""

import pytest

from pages.components.inspector.data_view import places_of


@pytest.mark.parametrize(
    ("query", "text", "places"),
    [
        ("weir", "A Weir, a WEIR and a weir.", [2, 10, 21]),
        ("aa", "aaaaa", [0, 2]),
        ("x", "a", []),
        ("stanbul", "İSTANBUL, İstanbul", [11]),
        (".*", "a.*b", [1]),
    ],
)
def test_places_are_those_of_the_text_as_it_is(query: str, text: str, places: list[int]) -> None:
    assert list(places_of(query, text)) == places

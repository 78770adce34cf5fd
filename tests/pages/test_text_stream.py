import pytest

from pages.components.answer.text_stream import MAX_PAUSE_SECONDS, MIN_PAUSE_SECONDS, pause_after


def test_a_text_is_shown_less_often_the_longer_an_update_takes_and_never_stands_still() -> None:
    took = [0.0, 0.001, 0.01, 0.03, 10.0]
    assert [pause_after(seconds) for seconds in took] == pytest.approx(
        [MIN_PAUSE_SECONDS, MIN_PAUSE_SECONDS, 0.09, 0.27, MAX_PAUSE_SECONDS]
    )

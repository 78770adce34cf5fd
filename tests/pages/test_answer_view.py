from streamlit.testing.v1 import AppTest


def page() -> None:
    from pages.components.answer.answer_view import answer_placeholders

    answer_placeholders()


def test_what_a_reader_has_unfolded_is_in_a_container() -> None:
    """An empty element takes away what is in its place whenever the page is drawn again."""
    app = AppTest.from_function(page).run()
    _, thinking, *_ = app.main.children.values()
    assert thinking.type == "flex_container"

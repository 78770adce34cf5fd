"""Sessions of the app's pages without a browser: opening one, reading it, asking and pressing buttons."""

from pathlib import Path

from streamlit.testing.v1 import AppTest

from pages.components.session.app_services import service
from weir.config.capabilities import Capabilities

NAVIGATION = Path(__file__).parents[2] / "pages" / "navigation.py"


def open_app(page: str = "", **query: str) -> AppTest:
    """Open the app as a visitor who was never there: the chat, or a page by its file's name, with these parameters."""
    app = AppTest.from_file(NAVIGATION, default_timeout=30)
    for name, value in query.items():
        app.query_params[name] = value
    if page:
        app.switch_page(page)
    return app.run()


def leave_untried() -> None:
    """Let it be known that the model can do all, so that the first run is no trial of it."""
    service().models.keep_capabilities(Capabilities(tools=True, json_schema=True))


def sentences(app: AppTest) -> str:
    """Return the sentences of the page, a line each."""
    return "\n".join(str(element.value) for element in (*app.markdown, *app.caption, *app.warning, *app.error))


def press(app: AppTest, label: str) -> None:
    """Press the first button of that label."""
    next(found for found in app.button if found.label == label).click().run()


def ask(app: AppTest, question: str) -> None:
    """Send a question, and wait until its answer has ended."""
    app.chat_input[0].set_value(question).run()
    assert not app.exception

"""Translations: that no sentence is left out of them, and what people read in Indonesian."""

import ast
import re
from collections.abc import Iterator

import pytest
from streamlit.testing.v1 import AppTest

from pages.components.layout import formatting, translation
from pages.components.layout.translation import (
    LANGUAGES,
    catalogue,
    digits,
    month_name,
    script_with_words,
    sentences_of_script,
    supported,
    words_of,
)
from pages.components.layout.weir_sentences import TEMPLATES, translated
from tests.support import messages
from tests.support.app_test import ask, sentences
from tests.support.fake_openai import FakeOpenAI, Fault, Plan
from tests.support.sources import parsed

OTHERS = [code for code in LANGUAGES if code != translation.ENGLISH]
PAGES = messages.ROOT / "pages"
SCRIPTS = {"chat.py", "story.py", "events.py", "partial_json.py", "routing.py", "http_client.py", "about.py"}
"""Scripts of pages, which run anew for each session."""

VISIBLE_FIRST = {
    *("title", "header", "subheader", "markdown", "caption", "button", "download_button", "popover", "expander"),
    *("toggle", "checkbox", "selectbox", "multiselect", "number_input", "text_input", "text_area", "metric", "dialog"),
    *("segmented_control", "pills", "slider", "info", "warning", "error", "success", "badge", "chat_input", "progress"),
    *("form_submit_button", "menu_button", "file_uploader", "tabs", "radio", "TextColumn", "NumberColumn"),
    *("page_title", "input_bar", "input_bar_without_scroll", "input_bar_in_page", "draw_upload", "draw_slider"),
}
"""Calls whose first argument people read."""
VISIBLE_NAMED = {"label", "help", "placeholder", "title", "alt", "waiting"}
"""Arguments by these names are read, whatever is called."""
SAME_IN_ALL = {"Weir", "curl", "JavaScript", "Python", "Markdown", "n"}
"""Names that are no words of a language."""
MARKUP = re.compile(r":material/\w+:|:\w*-badge|:gray|:small|`[^`]*`|&\w+;|\\n")


@pytest.fixture
def indonesian() -> Iterator[None]:
    token = translation._LANGUAGE.set("id")
    yield
    translation._LANGUAGE.reset(token)


@pytest.mark.parametrize("code", OTHERS)
def test_a_catalogue_has_a_translation_of_every_message_and_nothing_else(code: str) -> None:
    needed, found = messages.template(), messages.read(code)
    ids = {(message.context, message.id) for message in needed if message.id}
    assert {(message.context, message.id) for message in found if message.id} == ids
    assert [message.id for message in found if message.id and not messages.is_translated(message)] == []


@pytest.mark.parametrize("code", OTHERS)
def test_a_translation_has_the_values_the_code_and_the_symbols_of_its_sentence(code: str) -> None:
    parts = re.compile(r"\{\w+\}|`[^`]*`|:material/\w+:|:\w+-badge")
    for message in messages.read(code):
        if message.id:
            sentence = message.id[-1] if isinstance(message.id, tuple) else str(message.id)
            for form in messages.forms_of(message):
                assert sorted(parts.findall(form)) == sorted(parts.findall(sentence)), sentence


def strings_of(*folders: str) -> list[str]:
    """Return the texts in the code of these folders, and the parts of those with values."""
    nodes = (
        node for folder in folders for path in (messages.ROOT / folder).rglob("*.py") for node in ast.walk(parsed(path))
    )
    return [node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]


def test_the_sentences_of_weir_are_in_its_code() -> None:
    # Code may write the first letter large, and put values and spaces between the parts.
    texts = "\0".join(strings_of("weir", "chains")).casefold()
    parts = [part.strip() for template in TEMPLATES for part in re.split(r"\{\w+\}", template)]
    assert [part for part in [*parts, *messages.WORDS_OF_WEIR] if part.casefold() not in texts] == []


def literals(node: ast.expr) -> Iterator[str]:
    """Yield the texts of an argument that are given as they are, without a call that translates them."""
    match node:
        case ast.Constant(value=str(text)):
            yield text
        case ast.JoinedStr(values=values):
            yield "".join(str(part.value) for part in values if isinstance(part, ast.Constant))
        case ast.IfExp(body=one, orelse=other):
            yield from literals(one)
            yield from literals(other)
        case ast.BoolOp(values=operands) | ast.List(elts=operands) | ast.Tuple(elts=operands):
            for operand in operands:
                yield from literals(operand)
        case ast.BinOp(left=left, right=right):
            yield from literals(left)
            yield from literals(right)


def shown_by(call: ast.Call) -> Iterator[str]:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    if isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Name) and call.func.value.id == "_LOG":
        return
    # The second argument of `st.metric`, its value, may be words too.
    for argument in call.args[: 2 if name == "metric" else 1] if name in VISIBLE_FIRST else ():
        yield from literals(argument)
    for keyword in call.keywords:
        if keyword.arg in VISIBLE_NAMED or (name, keyword.arg) == ("progress", "text"):
            yield from literals(keyword.value)


def test_what_pages_show_is_given_to_a_translating_function() -> None:
    left_out = [
        f"{path.relative_to(PAGES)}:{node.lineno}: {text}"
        for path in sorted(PAGES.rglob("*.py"))
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Call)
        for text in shown_by(node)
        if text not in SAME_IN_ALL and re.search(r"[A-Za-z]{2}", MARKUP.sub("", text))
    ]
    assert left_out == []


def test_no_sentence_is_translated_at_import() -> None:
    """What a module translates while it is imported would be in the language of its first visitor, for all."""
    at_import = [
        f"{path.relative_to(PAGES)}:{call.lineno}"
        for path in sorted(PAGES.rglob("*.py"))
        if path.name not in {*SCRIPTS, "navigation.py"}
        for call in calls_at_import(parsed(path))
        if isinstance(call.func, ast.Name) and call.func.id in {"_", "ngettext", "pgettext", "digits", "translated"}
    ]
    assert at_import == []


def calls_at_import(module: ast.Module) -> Iterator[ast.Call]:
    pending: list[ast.AST] = list(module.body)
    while pending:
        node = pending.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            pending += node.args.defaults
            continue
        if isinstance(node, ast.Call):
            yield node
        pending += ast.iter_child_nodes(node)


def test_the_sentences_of_scripts_are_handed_to_them(indonesian: None) -> None:
    for path in PAGES.rglob("*.js"):
        text = path.read_text(encoding="utf-8")
        if " t(" in text and path.name != "words.js":
            script = script_with_words(path)
            assert sentences_of_script(script)
            assert set(words_of(script)) == set(sentences_of_script(script))


@pytest.mark.parametrize(
    ("tag", "code"),
    [("id", "id"), ("id-ID", "id"), ("in_ID", "id"), ("en-GB", "en"), ("de-DE", None), ("", None), (None, None)],
)
def test_a_browser_names_its_language(tag: str | None, code: str | None) -> None:
    assert supported(tag) == code


def test_english_needs_no_catalogue() -> None:
    assert translated("This answer was stopped.") == "This answer was stopped."
    assert digits(1234.5, ",.1f") == "1,234.5"
    assert month_name(5, short=False) == "May"


def test_numbers_and_dates_are_indonesian(indonesian: None) -> None:
    assert digits(1234567) == "1.234.567"
    assert digits(1234.5, ",.1f") == "1.234,5"
    assert formatting.seconds(0.314) == "0,31 s"
    assert formatting.dollars(0.0125) == "$0,0125"
    assert month_name(8, short=True) == "Agu"


def test_a_sentence_with_values_keeps_them(indonesian: None) -> None:
    assert translated("Try again in 17 s.") == "Coba lagi dalam 17 s."
    assert translated("thought 1.25 s (1,200 tokens)") == "berpikir 1,25 s (1.200 token)"
    assert translated("127.0.0.1:8000 refuses the key") == "127.0.0.1:8000 menolak kuncinya"


def test_sentences_that_stand_together_are_translated_one_by_one(indonesian: None) -> None:
    kept = translated("The text so far is kept. Retry for a complete answer.")
    assert kept == "Teks sejauh ini disimpan. Coba lagi untuk jawaban lengkap."
    given_up = translated("fake: The model's server cannot be reached. (OSError: Broken.) It was asked no more.")
    assert given_up == "fake: Server model tidak dapat dihubungi. (OSError: Broken.) Model itu tidak ditanya lagi."
    reached = "You have reached your limit of live runs. Try again when one of them has ended."
    assert translated(reached).startswith("Anda telah mencapai batas run")
    assert translated("Nobody knows this. The chain raised an error.") == "Nobody knows this. Chain menimbulkan galat."


def test_a_list_in_a_sentence_is_translated_part_by_part(indonesian: None) -> None:
    reason = "Because of “president”, its numbers and a question for a person, a time or a place."
    assert translated(reason) == "Karena “president”, angka-angkanya dan pertanyaan tentang orang, waktu, atau tempat."
    cost = "Costs at most $0.0125 (gpt-4.1 $0.0125, tiny nothing). What new may cost is not known: no prices are set."
    assert translated(cost) == (
        "Biayanya paling banyak $0,0125 (gpt-4.1 $0,0125, tiny gratis). "
        "Biaya new tidak diketahui: harganya belum ditetapkan."
    )


def test_a_message_of_another_program_stays_as_it_is(indonesian: None) -> None:
    for text in ("model 'x' {gone}: \\d+", "Log in", "after all"):
        assert translated(text) == text


def test_an_empty_text_is_not_the_header_of_the_catalogue(indonesian: None) -> None:
    assert (translation._(""), translated("")) == ("", "")


def test_a_catalogue_is_read_once(indonesian: None) -> None:
    assert catalogue("id") is catalogue("id")


def in_indonesian(app: AppTest, page: str = "") -> AppTest:
    app.session_state[translation._CHOICE] = "id"
    return (app.switch_page(page) if page else app).run()


def english_on(app: AppTest) -> list[str]:
    """Return the sentences on a page that have a translation, and are shown in English."""
    elements = [element for part in (app.main, app.sidebar) for element in part]
    # The value of a choice is none of its labels.
    read = [(element, name) for element in elements for name in ("label", "help", "placeholder")]
    read += [(element, "value") for element in elements if not hasattr(element, "options")]
    shown = {text for element, name in read if isinstance(text := getattr(element, name, None), str)}
    texts = {message.id: message.string for message in messages.read("id") if isinstance(message.id, str)}
    return sorted(
        text for text in shown if text and text in texts and texts[text] != text and text not in texts.values()
    )


def test_pages_are_in_indonesian(indonesian: None, app: AppTest) -> None:
    found = {page: english_on(in_indonesian(app, page)) for page in SCRIPTS}
    assert {page: texts for page, texts in found.items() if texts} == {}


def test_a_chat_a_story_and_an_error_in_indonesian(indonesian: None, app: AppTest, openai_server: FakeOpenAI) -> None:
    ask(in_indonesian(app), "Hello")
    assert {"Buat ulang", "Obrolan baru"} <= {button.label for button in app.button}
    assert "token pertama 0," in sentences(app)
    openai_server.plan = Plan(fault=Fault.CUT, at=2)
    app.switch_page("story.py").run()
    ask(app, "a weir")
    assert english_on(app) == []
    assert "Koneksi ke model terputus sebelum jawaban lengkap. Teks sejauh ini disimpan. Coba lagi" in sentences(app)
    openai_server.plan = Plan(status=401)
    ask(app, "a weir")
    assert "Server model tidak menerima kunci API. Periksa `OPENAI_API_KEY`" in sentences(app)


def test_a_choice_of_the_language_holds_for_the_session(app: AppTest) -> None:
    app.switch_page("about.py").run()
    app.segmented_control(key="about_language").set_value("id").run()
    assert app.title[0].value == "Tentang Weir"
    app.switch_page("chat.py").run()
    assert app.title[0].value == "Obrolan"
    app.segmented_control(key="chat_language").set_value("en").run()
    assert app.title[0].value == "Chat"

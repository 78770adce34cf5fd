"""Translation of what the pages show: the language of a session, its catalogue, and numbers and dates in it.

The language is what its person has chosen in this browser, else the browser's own, else English. English sentences are
the keys of the catalogues in `pages/locales/`, so that English needs none (docs/translations.md).
"""

import functools
import gettext
import io
import re
from contextvars import ContextVar
from pathlib import Path

import streamlit as st
from babel import Locale
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from streamlit.runtime.scriptrunner import get_script_run_ctx

LOCALES = Path(__file__).parents[2] / "locales"
DOMAIN = "weir"
ENGLISH = "en"
LANGUAGES = {ENGLISH: "English", "id": "Bahasa Indonesia"}
"""Names of the languages, each in itself, by their codes. The first is what the sentences are written in."""

COOKIE = "weir_language"
"""The choice of a browser. `page_frame.js` sets it."""
_CHOICE = "language_choice"
"""Session key of the choice of this tab."""

_LANGUAGE: ContextVar[str | None] = ContextVar("language", default=None)
"""Of the session whose script, callback or fragment runs in this thread: Streamlit has a thread for each."""

_T_CALL = re.compile(r'\bt\("([^"\\]+)"')
_NUMBER_SIGN = re.compile(r"(?<=\d)[.,](?=\d)")


def begin_run() -> None:
    """Find out the language of this run of the script. Called once in each run, before anything is drawn."""
    _LANGUAGE.set(chosen_language() or supported(st.context.locale) or ENGLISH)


def language() -> str:
    """Return the code of the language in which the page is drawn; English outside of a session."""
    if (code := _LANGUAGE.get()) is not None:
        return code
    if get_script_run_ctx(suppress_warning=True) is None:
        return ENGLISH
    # A fragment or a callback, whose thread has not run the navigation.
    begin_run()
    return language()


def chosen_language() -> str | None:
    """Return the code of the language that was chosen in this browser; None if the browser's own decides."""
    chosen = st.session_state.get(_CHOICE) or st.context.cookies.get(COOKIE)
    return chosen if chosen in LANGUAGES else None


def cookie_of_choice() -> str:
    """Return the cookie that a browser keeps of a choice that was made in this tab; "" if none was made."""
    code = st.session_state.get(_CHOICE)
    return f"{COOKIE}={code}" if code in LANGUAGES else ""


def choose_language(code: str) -> None:
    """Draw the pages of this session in a language from now on."""
    st.session_state[_CHOICE] = code
    _LANGUAGE.set(code)


def supported(tag: str | None) -> str | None:
    """Return the code of the language of a browser's tag, such as `id-ID`; None if there is no translation."""
    code = re.split("[-_]", tag or "")[0].lower()
    # Browsers that go by Java's codes send the old one of Indonesian.
    code = {"in": "id"}.get(code, code)
    return code if code in LANGUAGES else None


@functools.cache
def catalogue(code: str) -> gettext.NullTranslations:
    """Return the translations into a language, read once."""
    if code == ENGLISH:
        return gettext.NullTranslations()
    with (LOCALES / code / "LC_MESSAGES" / f"{DOMAIN}.po").open("rb") as file:
        messages = read_po(file, locale=code, domain=DOMAIN, abort_invalid=True)
    compiled = io.BytesIO()
    write_mo(compiled, messages)
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


def _(text: str) -> str:
    """Return a sentence in the language of the page; the sentence itself where it has no translation."""
    # The empty key of a catalogue has its header.
    return catalogue(language()).gettext(text) if text else ""


def ngettext(one: str, many: str, count: int) -> str:
    """Return the one of two sentences that goes with a number, in the language of the page."""
    return catalogue(language()).ngettext(one, many, count)


def pgettext(context: str, text: str) -> str:
    """Return a text in the language of the page, where the same English word has two translations."""
    return catalogue(language()).pgettext(context, text)


def N_(text: str) -> str:  # noqa: N802
    """Return a sentence as it is: it is put into the catalogues, and translated where it is shown."""
    return text


def localized(numbers: str) -> str:
    """Return a text with formatted numbers, such as `1,200.5 s`, with the signs of the language: `1.200,5 s`."""
    code = language()
    if code == ENGLISH:
        return numbers
    signs = _number_signs(code)
    return _NUMBER_SIGN.sub(lambda found: signs[found[0]], numbers)


def digits(value: float, form: str = ",") -> str:
    """Return a number in Python's format, with the signs of the language."""
    return localized(format(value, form))


@functools.cache
def _number_signs(code: str) -> dict[str, str]:
    symbols = Locale.parse(code).number_symbols["latn"]
    return {".": symbols["decimal"], ",": symbols["group"]}


def month_name(month: int, *, short: bool) -> str:
    """Return the name of a month, 1 to 12."""
    names: str = Locale.parse(language()).months["format"]["abbreviated" if short else "wide"][month]
    return names


@functools.cache
def script_with_words(*paths: Path) -> str:
    """Return the JavaScript of a component, with the function `t` for its sentences (`words.js`)."""
    paths = (Path(__file__).parent / "words.js", *paths)
    return "".join(path.read_text(encoding="utf-8") for path in paths)


def words_of(script: str) -> dict[str, str]:
    """Return the translations of a component's sentences, which its script needs as `words`; none in English."""
    if language() == ENGLISH:
        return {}
    return {text: _(text) for text in sentences_of_script(script)}


@functools.cache
def sentences_of_script(script: str) -> tuple[str, ...]:
    """Return the sentences that a script gives to `t`."""
    return tuple(dict.fromkeys(_T_CALL.findall(script)))

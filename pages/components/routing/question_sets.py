"""Question sets of the page: those that come with Weir, the visitor's corrections, and a file of their own."""

from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from chains import classifier
from chains.classifier.examples import CATEGORIES, Example, load_examples
from chains.classifier.labelled_file import KINDS, read_sources
from chains.routes import configured_routes
from pages.components.layout.formatting import escape_markdown
from pages.components.layout.translation import N_, _, digits, ngettext
from pages.components.layout.upload import draw_named_upload
from pages.components.layout.weir_sentences import translated
from pages.components.session.app_services import service

FOLDER = Path(classifier.__file__).parent
MY_CORRECTIONS, MY_FILE = N_("My corrections"), N_("A file of mine")
FILES = {
    N_("Golden set"): "golden.jsonl",
    N_("Second golden set"): "golden_2.jsonl",
    N_("Follow-ups"): "follow_ups.jsonl",
}
MAX_MB, MOST_QUESTIONS = 5, 10_000

Questions = Sequence[tuple[str, Example]]
"""Questions, each with its source."""

RUN = "routing_run"
"""Key of the evaluation in the session."""

_KEY = "routing_file"
_TEACHES = N_("""A line is a category, a tab and a question, in a `.tsv` or `.csv` file:

```
{example}
```

In a `.jsonl` file it is `{{"category": …, "question": …}}`. The categories are {names}. The file stays in this tab.""")


def set_names() -> list[str]:
    """Return the names of the sets. Those that come with Weir are of its own routes."""
    files = FILES if set(CATEGORIES) <= set(configured_routes().names) else ()
    return [*files, MY_CORRECTIONS, MY_FILE]


def load_set(name: str, user_id: str) -> Questions:
    """Return the questions of a set; none if there is no file yet."""
    if name == MY_FILE:
        _name, questions = st.session_state.get(_KEY, ("", ()))
        return tuple(questions)
    if name != MY_CORRECTIONS:
        return [("", example) for example in load_examples(FOLDER / FILES[name])]
    routes = configured_routes()
    return [
        ("", Example(question=correction.question, category=correction.right, language="mine"))
        for correction in service().conversations.feedback.corrections(user_id)
        if correction.in_golden_set and routes.get(correction.right)
    ]


def draw_file_upload() -> None:
    """Draw the field for a file, what it has to look like, and which file there is."""
    draw_named_upload(_("Labelled questions"), KINDS, key="routing_upload", max_mb=MAX_MB, take=_take)
    name, questions = st.session_state.get(_KEY, ("", ()))
    if name:
        count = ngettext("{count} question", "{count} questions", len(questions)).format(count=digits(len(questions)))
        st.caption(f":material/description: {escape_markdown(name)}: {count}")
        return
    routes = list(configured_routes())
    about = _("a question about {subject}")
    rows = [f"{route}\t{route.example or about.format(subject=route.covers)}" for route in routes[:2]]
    example, names = "\n".join(rows).replace("`", "´"), ", ".join(route.name for route in routes)
    st.markdown(_(_TEACHES).format(example=example, names=names))


def _take(name: str, content: bytes) -> None:
    """Keep the questions of a file for this tab. Raises ValueError with a sentence in Markdown."""
    try:
        questions = read_sources(name, content, configured_routes().names)
    except UnicodeDecodeError:
        raise ValueError(_("{name} is not UTF-8.").format(name=escape_markdown(name))) from None
    except ValueError as error:
        raise ValueError(f"{escape_markdown(translated(str(error)))}.") from None
    if not questions:
        raise ValueError(_("There is no question in {name}.").format(name=escape_markdown(name)))
    if len(questions) > MOST_QUESTIONS:
        raise ValueError(
            _("{name} has {count} questions, and {most} fit.").format(
                name=escape_markdown(name), count=digits(len(questions)), most=digits(MOST_QUESTIONS)
            )
        )
    st.session_state[_KEY] = (name, questions)
    # The figures of another file would stand below this one.
    st.session_state.pop(RUN, None)

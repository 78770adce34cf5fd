"""Question sets of the page: those that come with Weir, the visitor's corrections, and a file of their own."""

from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from chains import classifier
from chains.classifier.examples import CATEGORIES, Example, load_examples
from chains.classifier.labelled_file import KINDS, read_sources
from chains.routes import configured_routes
from pages.components.layout.formatting import escape_markdown
from pages.components.layout.upload import draw_named_upload
from pages.components.session.app_services import service

FOLDER = Path(classifier.__file__).parent
MY_CORRECTIONS, MY_FILE = "My corrections", "A file of mine"
FILES = {"Golden set": "golden.jsonl", "Second golden set": "golden_2.jsonl", "Follow-ups": "follow_ups.jsonl"}
MAX_MB, MOST_QUESTIONS = 5, 10_000

Questions = Sequence[tuple[str, Example]]
"""Questions, each with its source."""

RUN = "routing_run"
"""Key of the evaluation in the session."""

_KEY = "routing_file"
_TEACHES = """A line is a category, a tab and a question, in a `.tsv` or `.csv` file:

```
{example}
```

In a `.jsonl` file it is `{{"category": …, "question": …}}`. The categories are {names}. The file stays in this tab."""


def set_names() -> list[str]:
    """Return the names of the sets. Those that come with Weir are of its own routes."""
    files = FILES if set(CATEGORIES) <= set(configured_routes().names) else ()
    return [*files, MY_CORRECTIONS, MY_FILE]


def load_set(name: str, user_id: str) -> Questions:
    """Return the questions of a set; none if there is no file yet."""
    if name == MY_FILE:
        _, questions = st.session_state.get(_KEY, ("", ()))
        return tuple(questions)
    if name != MY_CORRECTIONS:
        return [("", example) for example in load_examples(FOLDER / FILES[name])]
    routes = configured_routes()
    return [
        ("", Example(question=correction.question, category=correction.right, language="mine"))
        for correction in service().conversations.corrections(user_id)
        if correction.in_golden_set and routes.get(correction.right)
    ]


def draw_file_upload() -> None:
    """Draw the field for a file, what it has to look like, and which file there is."""
    draw_named_upload("Labelled questions", KINDS, key="routing_upload", max_mb=MAX_MB, take=_take)
    name, questions = st.session_state.get(_KEY, ("", ()))
    if name:
        count = "1 question" if len(questions) == 1 else f"{len(questions):,} questions"
        st.caption(f":material/description: {escape_markdown(name)}: {count}")
        return
    routes = list(configured_routes())
    rows = [f"{route}\t{route.example or f'a question about {route.covers}'}" for route in routes[:2]]
    st.markdown(_TEACHES.format(example="\n".join(rows).replace("`", "´"), names=", ".join(r.name for r in routes)))


def _take(name: str, content: bytes) -> None:
    """Keep the questions of a file for this tab. Raises ValueError with a sentence in Markdown."""
    try:
        questions = read_sources(name, content, configured_routes().names)
    except UnicodeDecodeError:
        raise ValueError(f"{escape_markdown(name)} is not UTF-8.") from None
    except ValueError as error:
        raise ValueError(f"{escape_markdown(str(error))}.") from None
    if not questions:
        raise ValueError(f"There is no question in {escape_markdown(name)}.")
    if len(questions) > MOST_QUESTIONS:
        raise ValueError(f"{escape_markdown(name)} has {len(questions):,} questions, and {MOST_QUESTIONS:,} fit.")
    st.session_state[_KEY] = (name, questions)
    # The figures of another file would stand below this one.
    st.session_state.pop(RUN, None)

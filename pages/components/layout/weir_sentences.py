"""Translation of sentences that are made in `weir` and `chains`, which know nothing of languages.

Most of them are a fixed set, and are looked up as they are. Those with values in them are recognized by a template.
"""

import functools
import re
from collections.abc import Iterator

from pages.components.layout.translation import ENGLISH, N_, catalogue, language, localized, pgettext

TEMPLATES: tuple[str, ...] = (
    # Metrics (weir/analysis/metrics_line.py)
    N_("first token {time}"),
    N_("waited {time}"),
    N_("thought {time} ({count} tokens)"),
    N_("thought {time}"),
    N_("wrote {time} ({count} tokens)"),
    N_("wrote {time}"),
    N_("{count} tokens/s"),
    N_("{count} in"),
    N_("{count} out"),
    # Limits (weir/access/limit_kinds.py)
    N_("Try again in {seconds} s."),
    N_("Try again in {time}, after midnight UTC."),
    # Endpoints (weir/llm/endpoint_health.py)
    N_("{variable}, which is to have its key, is not set"),
    N_("{host} has not answered within {seconds} s"),
    N_("{host} answers with a web page: its address usually ends in /v1"),
    N_("{host} does not answer as an OpenAI-compatible server does"),
    N_("{host} cannot be reached ({error})"),
    N_("{host} cannot be asked ({error})"),
    N_("{host} refuses the key"),
    N_("{host} answers with an error ({status})"),
    N_("{host} has no such model: it has {names} and {count} more"),
    N_("{host} has no such model: it has {names}"),
    # Routes (chains/smart_router.py, chains/route_classification.py, chains/classifier/local_classifier.py)
    N_("The classification failed ({error})."),
    N_("It follows up an earlier question: {reason}"),
    # The race (weir/analysis/method_race.py)
    N_("Without streaming you would have waited {wait} for the first word; with it {streamed}."),
    N_(
        "No result: {lane} streams, and its first word came after {time}, no sooner than without streaming ({wait}). "
        "The answer was very short, or the lane had to wait at the server. Race again with fewer methods or a recorded "
        "stream."
    ),
    N_("No result: {reason}."),
    N_("All of these stream: the first word came {first}, the last after {end}."),
    N_("after {earliest} to {latest}"),
    N_("after {time}"),
    N_("{quickest} had the first word after {time} ({others}); {ended} ended first, after {end}."),
    N_("All {count} texts are the same, to the character ({characters} characters)."),
    N_(
        "The texts are the same for {count} characters, then they differ: each lane was sampled separately. With a "
        "recorded stream only the method differs."
    ),
    # Recordings (weir/runs/recording_file.py, weir/runs/recording_decoder.py)
    N_("This file is larger than {count} MB, the most that Weir opens."),
    N_("This recording ends in the middle of line {line}."),
    N_("Line {line} of this recording is damaged: {reason}."),
    N_("Line {line} of this recording comes after its end."),
    N_("Line {line} of this recording goes back in time."),
    N_("This recording has format version {version}; this Weir reads up to {newest}."),
    N_("The recording's header is damaged: {reason}."),
    # The Inspector's forms (chains/registry.py, chains/changed_call.py)
    N_("{model} cannot call tools. Pick another model for this chain."),
    N_("The messages have more than {count} characters."),
    # Files of questions (weir/llm/attachment_files.py, chains/conversation.py)
    N_("“{name}” is empty. Choose another file."),
    N_("“{name}” is too large: a text file can have 200 kB. Send the part that the question is about."),
    N_("“{name}” is too large: an image can have 5 MB. Make it smaller, for example as a JPEG."),
    N_("“{name}” is too large: an image can have 25 megapixels. Make it smaller."),
    N_("“{name}” is neither text in UTF-8 nor an image in PNG, JPEG, WebP or GIF. Save it in one of these formats."),
    N_("“{name}” is no whole image. Save it again, or choose another file."),
    N_("{model} takes no images. Choose another model, or send the question without the image."),
    N_(
        "The question and its files have about {count} tokens, and the model gets at most {number}. Send a part of "
        "them, or choose a model that takes more."
    ),
    # Presets (weir/storage/presets.py)
    N_("There are {count} presets already: delete one first."),
    # Measurements (weir/measure/)
    N_("Sends {requests} to {models}, {levels} at once; each asks for at most {tokens} of plain text."),
    N_("{count} request"),
    N_("{count} requests"),
    N_("{count} model"),
    N_("{count} models"),
    N_("{count} token"),
    N_("{count} tokens"),
    N_("In all it reads about {count} tokens and writes at most {number}."),
    N_("Costs at most {cost} ({each})."),
    N_("Costs nothing: {each}."),
    N_("What {names} may cost is not known: no prices are set."),
    N_("{model}: connecting"),
    N_("{model}: {count} at once"),
    N_("{model}, {count} at once:"),
    N_("{count} of {total} failed:"),
    N_("Weir itself computed {share} of the time, so these may be the figures of this machine."),
    N_("The answer was not done within {seconds} s."),
    N_("{count} requests at once or one after the other got no answer."),
    N_("The answers had {count} tokens then and {number} now."),
    N_("{name} was {earlier} at {place} then and is {model} at {host} now."),
    N_("This file is no measurement of `weir measure`: {field}: {reason}."),
    # Labelled questions (chains/classifier/labelled_file.py)
    N_("{place} is not an object with a category and a question{reason}"),
    N_("{place} is not a category, a source and one or two questions"),
    N_("{place} cannot be read as CSV: {reason}"),
    N_("{place} is not a question with its category: {names}"),
    N_("{place} has a question of more than {count} characters"),
    # Reasons of the local classifier (chains/classifier/linear_model.py)
    N_("because of {reasons}."),
    N_("Because of {reasons}."),
    # Findings of the doctor (weir/analysis/stream_diagnosis.py, wait_diagnosis.py, graph_diagnosis.py)
    N_(
        "{step} made one chunk of the {count} that {model} inside it wrote from {start} s to {end} s: it calls invoke, "
        "or collects the stream."
    ),
    N_("{earlier} gave {step} {count} chunks from {start} s to {end} s; it yielded {output}."),
    N_("one at {time} s"),
    N_("{model} was called at {start} s, and the whole answer arrived at {end} s."),
    N_("{model} ended without a count of its output tokens."),
    N_("The same holds for {count} more of its calls."),
    N_("The last chunk of {model} arrived at {time} s without a `finish_reason`."),
    N_("{count} chunks of {model} arrived in {number} {bursts} within {time} s."),
    N_("{model} wrote nothing for {time} s from {start} s on; its median gap is {gap} ms."),
    N_("There were {count} such gaps."),
    N_("{step} took {time} of the {total} s to the first text{calls}, before {model} was asked."),
    N_(" in {count} calls, one after another"),
    N_("{model} was asked at {start} s, and wrote its first chunk {time} s later."),
    N_("The text was whole at {time} s; {step} went on until {end} s."),
    N_("{step} failed {times} before it went on, and {time} s with that: {error}."),
    N_("{step} failed after {time} s, and {other} answered instead: {error}."),
    N_("{model} was asked the same at {first} s and again at {second} s: {time} s."),
    N_("{tool} took {time} s of {total} s in {calls}, the longest {longest} s."),
    N_("{tool} took {time} s of {total} s in {calls}."),
    N_("{tool} was called {count} times with {arguments}, first at {first} s, again at {second} s."),
    N_("The graph has taken {steps} of its {limit} steps (recursion_limit)."),
    N_("{count} calls"),
)
"""The sentences with values. The names of the values are for translators; a test finds each in the sources."""

_VALUES = {"count": r"~?\d[\d,.]*", "time": r"~?\d.*?", "each": r"(?:[^.]|\.(?! ))*?"}
"""Values that are numbers: a sentence of somebody else's may have the same words; and one that its sentence ends."""

_FIELD = re.compile(r"\{(\w+)\}")
_NUMBER = re.compile(r"[~$]?\d{1,3}(,\d{3})*(\.\d+)?( (ms|s|min|h|kB|MB))?( \d+ (s|min))?")
"""With its unit. Addresses and versions have more dots, or other letters."""
_JOINT = re.compile(r"(, | and )")
_END_OF_SENTENCE = re.compile(r"(?<=[.:;!?)]) ")


MAX_TEXT, MAX_ROW = 600, 4
"""Characters of a text that is translated, and sentences that are known as one: the rest may be somebody else's."""


def translated(text: str) -> str:
    """Return a text of Weir's own in the language of the page. Sentences that are not known stay as they are."""
    if not text or len(text) > MAX_TEXT or language() == ENGLISH:
        return text
    return _translated(language(), text)


@functools.lru_cache(2_000)
def _translated(_code: str, text: str) -> str:
    """Return the text in the language of the page, which is that of the code."""
    whole = _known(text)
    return whole if whole is not None else " ".join(_by_sentence(_END_OF_SENTENCE.split(text)))


def _by_sentence(parts: list[str]) -> Iterator[str]:
    """Yield the sentences, translated; the longest row of sentences that is known as one comes first."""
    while parts:
        for end in range(min(len(parts), MAX_ROW), 0, -1):
            found = _known(" ".join(parts[:end]))
            if found is not None or end == 1:
                yield found if found is not None else parts[0]
                del parts[:end]
                break


def _known(text: str) -> str | None:
    found = catalogue(language()).gettext(text)
    if found != text:
        return found
    if _NUMBER.fullmatch(text):
        return localized(text)
    for template, pattern in _patterns():
        if match := pattern.fullmatch(text):
            values = {name: _LISTS.get(name, _value)(value) for name, value in match.groupdict().items()}
            return catalogue(language()).gettext(template).format(**values)
    return None


def _value(text: str) -> str:
    """Return a value of a sentence: a number with the signs of the language, or words that are known by themselves."""
    found = _known(text) if text else None
    return text if found is None else found


def _each(text: str) -> str:
    """Return a list of names, each with a value: `small $0.0125, tiny nothing`."""
    pairs = [one.rpartition(" ") for one in text.split(", ")]
    nothing = pgettext("price", "nothing")
    return ", ".join(f"{name}{space}{nothing if value == 'nothing' else _value(value)}" for name, space, value in pairs)


def _reasons(text: str) -> str:
    """Return a list with "and": `“sum”, its numbers and words of mathematics`. One of the reasons may have a comma."""
    parts, found = _JOINT.split(text), []
    while parts:
        end = next(
            (end for end in range(min(len(parts), 2 * MAX_ROW), 1, -1) if _known("".join(parts[:end])) is not None), 1
        )
        found.append(_value("".join(parts[:end])))
        del parts[:end]
    return "".join(found)


_LISTS = {"each": _each, "reasons": _reasons}
"""How values that are lists are translated, by their names in the templates."""


@functools.cache
def _patterns() -> list[tuple[str, re.Pattern[str]]]:
    return [(template, re.compile(_as_pattern(template), re.DOTALL)) for template in TEMPLATES]


def _as_pattern(template: str) -> str:
    parts = enumerate(_FIELD.split(template))
    return "".join(f"(?P<{part}>{_VALUES.get(part, '.*?')})" if index % 2 else re.escape(part) for index, part in parts)

"""Short questions that mean something only after the one before: "and in Python?", "why?", "kalau alasnya 10?"."""

import re
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from chains.classifier import features
from chains.classifier.examples import CATEGORIES
from chains.classifier.tokenization import tokens
from chains.classifier.word_lists import WordFinder, alternatives

_POLITE = r"^\W*(?:(?:ok(?:ay|e)?|hm+|oh|yes|no|yeah|ya|nah|wait|please|tolong|coba|pls)\W+)*"

_JOINING = re.compile(
    _POLITE + r"(?:and|what about|how about|what if|now|then|but|so|also|same|instead|or|without|"
    r"dan|kalau|kalo|klo|terus|trus|lalu|gimana (?:kalau|kalo|dengan)|bagaimana (?:kalau|dengan|jika)|sekarang|tapi|"
    r"y|pero|ahora|und|aber|jetzt|et|mais|maintenant|e|mas|agora)(?!\w)",
    re.IGNORECASE,
)
_POINTING = re.compile(
    r"(?<!\w)(?:it(?! in\b)|its|that|this|those|these|them|(?:the )?(?:first|second|third|last|next|previous|other) "
    r"(?:one|step|part|line|answer)|the (?:result|answer|steps?|code|formula)|"
    r"(?<!apa )itu(?! apa\b)|ini|tadi|tersebut|hasilnya|jawabannya|"
    r"caranya|langkah\w*|eso|esto|das|dies\w*|ça|cela|isso)(?!\w)",
    re.IGNORECASE,
)
_ANAPHORIC = re.compile(r"(?<!\w)\w{3,}nya(?!\w)", re.IGNORECASE)
"""Indonesian words with a possessive that may point back: "dan kelilingnya?"."""

_POINTS_EARLY = re.compile(
    r"^\W{0,9}+(?:\w{1,20}+\W{1,3}+){0,4}?(?:it|its|this|that|these|those|them|itu|ini|tadi|tersebut|eso|esto|das|ça)(?!\w)"
    r"(?!\W{1,3}(?:mean|better|worse|possible|safe|true|worth|ok|okay|legal|normal|bad|good|hard|rude|healthy|take|cost)\b)",
    re.IGNORECASE,
)
"""A pronoun among the first words, where nothing before it can be meant."""

_ONE_OF = re.compile(
    r"(?<!\w)(?:both|each of (?:these|them)|the (?:first|second|third|last|previous|other)|keduanya|kedua|"
    r"yang (?:pertama|kedua|ketiga|terakhir|tadi))(?!\w)",
    re.IGNORECASE,
)

_EMPTY = frozenset(
    """
    a an the of to in on at for with without by from as is are was were be been do does did can could would
    should will may i you we he she it its they them that this these those there here me my your his her one
    ones and or but not so then now also again too more less most some any all same other another instead what
    which who when where why how if please thanks ok okay yes no really sure about example examples step steps
    explain detail details further shorter longer simpler easier faster better clearer continue go next last
    first second third previous make give show tell try use using work works mean line part version way unclear
    wrong right simplify only just like than into out up dan atau yang di ke dari untuk dengan pada ini itu tadi
    nya apa kenapa mengapa bagaimana gimana begitu gitu kalau kalo klo terus trus lalu lagi lebih lanjut
    lanjutkan contoh contohnya maksud maksudnya jelaskan jelasin coba tolong dong sih deh ya yakin sekarang
    pakai pake versi sama tapi bisa saja aja juga masih pendek panjang singkat mudah caranya langkah langkahnya
    hasilnya jawabannya buat jadi jadikan satu ulangi kok masa y el la los las de en con por qué porque und der
    die das mit warum wie et le les pourquoi comment e o understand don doesn isn t ada cara lain add
    comment comments tambahin tambahkan komentar
    """.split()  # noqa: SIM905, a list of quoted words is no easier to read
)
"""Words that say nothing about a subject."""


_LONGEST = 300
"""Characters of a question that leans on the one before: of those that are longer no earlier one is read."""

_FEW = 6
"""Words with a subject of their own up to which a question that refers back is taken to be about what it refers to."""

_FINDER = WordFinder(["refers_back"])
_CHANGES = re.compile(rf"^\W{{0,9}}+{alternatives('changes')}\b", re.IGNORECASE)


def follow_up_weight(
    question: str, found: Mapping[str, int], own: npt.NDArray[np.float64], categories: Sequence[str] = CATEGORIES
) -> float:
    """Return how much a question, by itself, leans on the one before: 0 not at all, 1 entirely."""
    if len(question) > _LONGEST:
        return 0.0
    words = [token for token in tokens(question) if token.isalnum()]
    content = sum(1 for token in words if token not in _EMPTY)
    certainty = float(own.max())
    joins = content <= 3 and len(words) <= 8 and _JOINING.match(question)
    if joins or content == 0 or (content == 1 and _ANAPHORIC.search(question)):
        base = 0.9
    elif _FINDER.find(question):
        base = 0.85 if content <= _FEW else 0.85 * min(1.0, 2 * (1 - certainty))
    elif content <= 2 and len(words) <= 9 and _POINTING.search(question):
        base = 0.8
    elif _CHANGES.match(question) or (len(words) <= 25 and (_POINTS_EARLY.match(question) or _ONE_OF.search(question))):
        # A whole question may begin so too: it leans the less the more certain it is by itself.
        return 0.7 * min(1.0, 2 * (1 - certainty))
    else:
        return 0.0
    # What says by itself what it is about needs no context: "and in Python?" is about code, whatever came before.
    says = categories[int(own.argmax())] in features.subjects(found)
    return base * (1 - certainty) if says else base

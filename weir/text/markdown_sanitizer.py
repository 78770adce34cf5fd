r"""A model's Markdown, so that drawing it asks the network for nothing.

An image becomes a link with an image symbol, a diagram (which can hold images too) its source, an entity that stands
for an invisible character its mark. Code stays as it is, but only what is code for certain: where that takes a parser,
as in a paragraph with HTML or formulas, text inside of backticks is taken for text. Nothing here is the only wall: the
pages' policy lets no image be fetched at all (`weir/api/middleware/security_headers.py`).
"""

import re
from collections.abc import Callable
from html import unescape

from weir.text.invisible_characters import HIDDEN, MARK

IMAGE = ":material/image: ["
"""What `![` becomes where an image follows."""

LOOKAHEAD = 300
"""Characters after which what has not ended, as an image's description or inline code, is taken for text."""

_TOKEN = re.compile(r"[^\n\\`~!&<>$\[\]{|]+|\\[^\n]|`+|~+|\$+|.|\n", re.DOTALL)
_ENTITY = re.compile(r"&#?[0-9A-Za-z]{1,31};")
_MAYBE_ENTITY = re.compile(r"&#?[0-9A-Za-z]{0,31}\Z")
_LINE_START = re.compile(r"( *)(`{3,}|~{3,})?")
_LIST_ITEM = re.compile(r" *([-*+]|\d{1,9}[.)]) {1,4}(?=[^ ])")
_PLAIN_DESTINATION = re.compile(r"""\([^()`"'<\n]*\)""")
_MAYBE_DESTINATION = re.compile(r"""\([^()`"'<\n]*""")
_HTML = re.compile(r"<[A-Za-z/!?]")
_LONG_HTML = re.compile(r"<(?:[!?]|script|pre|style|textarea)", re.IGNORECASE)
_BRACKET = re.compile(r"[\[\]]")
_SPANS = {
    "`": re.compile(r"(.*?[^`])`(?!`)", re.DOTALL),
    "``": re.compile(r"(.*?[^`])``(?!`)", re.DOTALL),
}
"""The rest of inline code that begins with so many backticks."""
_BLANK_LINE = re.compile(r"\n[ \t>]*\n")

Consumed = tuple[int, str] | None
"""Characters that were read and what is shown of them; None where more text is needed to say."""


class MarkdownSanitizer:
    """Feed it text in any pieces; what the pieces are makes no difference.

    What `feed` returned, then `rest()`, joined, is the rewritten text.
    """

    def __init__(self) -> None:
        self._held = ""
        self._pieces: list[str] = []
        """What has come since of a run that `_held` ends with: it decides on nothing."""
        self._run = ""
        """The character of that run, or nothing."""
        self._ended = False
        self._line: list[str] = []
        """The line so far, in pieces that are not empty."""
        self._spaces: int | None = 0
        """Spaces that it begins with, while it has nothing else."""
        self._follows_text = False
        self._fence = ""
        self._opens = False
        self._base = 0
        """Spaces before the content of the list item that the fence is in."""
        self._list: int | None = 0
        """Spaces before the content of the last list item; 0 outside of lists, None where that is not certain."""
        self._in_html = self._in_formula = False
        self._doubts_spans = False
        """Whether backticks of this paragraph may be something else than inline code."""
        self._doubts_fences = False
        """Whether a line of backticks may be something else than a fence, from here on."""

    def feed(self, text: str) -> str:
        """Take more text and return as much of it, rewritten, as is decided."""
        self._pieces.append(text)
        if self._run and text and not self._ended and not text.strip(self._run):
            return ""
        self._held = "".join([self._held, *self._pieces])
        self._pieces.clear()
        parts: list[str] = []
        at = 0
        while at < len(self._held):
            taken = self._step()(at)
            if taken is None:
                break
            length, shown = taken
            self._read(self._held[at : at + length])
            parts.append(shown)
            at += length
        self._held = self._held[at:]
        self._run = _run_of(self._held)
        return "".join(parts)

    def flush(self) -> str:
        """Say that the text has ended and return what was held back."""
        self._ended = True
        return self.feed("")

    def _step(self) -> Callable[[int], Consumed]:
        if self._fence:
            return self._fenced
        return self._inline if self._line else self._line_begun

    def _read(self, text: str) -> None:
        """Remember the line so far, and what a line was when it ends."""
        *lines, last = text.split("\n")
        for line in lines:
            self._end_line("".join([*self._line, line]))
            self._line.clear()
            self._spaces = 0
        if last:
            self._line.append(last)
            self._spaces = self._indent_with(last)

    def _indent_with(self, text: str) -> int | None:
        """Return the leading spaces, if the line goes on with a text; None where there is more than spaces."""
        content = text.lstrip(" ")
        return None if self._spaces is None or content else self._spaces + len(text)

    # Lines

    def _fenced(self, at: int) -> Consumed:
        """Read one line of code, or as much of it as there is."""
        end = self._held.find("\n", at)
        line = self._held[at:] if end < 0 else self._held[at:end]
        if self._base and self._is_left_of(self._base, line):
            # The list item may have ended, and the fence with it.
            self._fence, self._doubts_fences = "", True
            return self._inline(at) if self._line else self._line_begun(at)
        code = line if end < 0 else line + "\n"
        return len(code), code

    def _is_left_of(self, column: int, text: str) -> bool:
        """Whether the line, if it goes on with a text, has its first character left of a column."""
        content = text.lstrip(" ")
        return self._spaces is not None and bool(content) and self._spaces + len(text) - len(content) < column

    def _line_begun(self, at: int) -> Consumed:
        """Read the indent of a line, and the fence that it begins with."""
        start = _LINE_START.match(self._held, at)
        assert start
        indent, fence = start.group(1), start.group(2)
        if not fence:
            rest = self._held[start.end() : start.end() + 3]
            if not self._ended and rest in ("", "`", "``", "~", "~~"):
                return None
            return (len(indent), indent) if indent else self._inline(at)
        line = self._line_from(start.end())
        if line is None or (start.end() == len(self._held) and not self._ended):
            return None
        base = self._base_of(len(indent))
        is_odd = "|" in line or (fence[0] == "`" and "`" in line)
        if base is None or is_odd or self._doubts_fences or self._in_html or self._in_formula:
            return self._unsure_fence(at, indent + fence)
        self._fence, self._base, self._list, self._opens = fence, base, base, True
        return len(indent + fence + line), indent + fence + _as_source(line) + line

    def _base_of(self, indent: int) -> int | None:
        """Return the spaces before the content of what a fence with this indent is in; None where it may be none."""
        if indent == 0 or (indent <= 3 and self._list == 0):
            return 0
        return self._list if self._list and self._list <= indent <= self._list + 3 else None

    def _line_from(self, at: int) -> str | None:
        """Return the rest of a line; None where it has not ended and may."""
        line, newline, _ = self._held[at : at + LOOKAHEAD].partition("\n")
        return line if newline or self._ended or len(line) == LOOKAHEAD else None

    def _end_line(self, line: str) -> None:
        stripped = line.strip()
        if self._fence:
            self._maybe_close(line, stripped)
            return
        if stripped:
            self._follow_lists(line)
            if line.count("$$") % 2:
                self._in_formula = not self._in_formula
                self._doubts_fences = self._doubts_fences or line.rstrip() != "$$"
        else:
            self._doubts_spans = self._in_html = False
        self._follows_text = bool(stripped)

    def _follow_lists(self, line: str) -> None:
        indent = len(line) - len(line.lstrip(" "))
        item = _LIST_ITEM.match(line)
        if item and self._list is not None and indent <= self._list + 3:
            interrupts = not self._follows_text or bool(self._list) or item.group(1) in "-*+1.1)"
            self._list = item.end() if interrupts else None
        elif item:
            self._list = None
        elif indent == 0 and (self._list == 0 or not self._follows_text):
            self._list = 0
        elif self._list is not None and indent < self._list:
            self._list = None

    def _maybe_close(self, line: str, stripped: str) -> None:
        # https://spec.commonmark.org/0.31.2/#fenced-code-blocks
        if self._opens:
            self._opens = False
        elif len(stripped) >= len(self._fence) and set(stripped) == {self._fence[0]}:
            indent = len(line) - len(line.lstrip(" "))
            self._doubts_fences = not self._base <= indent <= self._base + 3 or "\t" in line
            self._fence = ""
            self._doubts_spans = self._follows_text = False

    # Text

    def _inline(self, at: int) -> Consumed:
        token = _TOKEN.match(self._held, at)
        assert token
        text = token.group()
        reaches_end = token.end() == len(self._held) and not self._ended
        if text[0] in "\\`~!$" and reaches_end:
            return None
        if text[0] == "`":
            return self._backticks(at, text)
        if text[0] == "~" and len(text) >= 3:
            return self._unsure_fence(at, text)
        if text == "!" and self._held.startswith("[", token.end()):
            return self._image(at)
        if text == "&":
            return self._entity(at)
        if text == "<":
            return self._tag(at)
        if text == "]":
            return self._bracket(at)
        if text[0] in "<>${|":
            self._doubts_spans = True
        return len(text), text

    def _tag(self, at: int) -> Consumed:
        following = self._held[at : at + 10]
        if len(following) < 10 and "\n" not in following and not self._ended:
            return None
        self._doubts_spans = True
        self._in_html = self._in_html or _HTML.match(following) is not None
        self._doubts_fences = self._doubts_fences or _LONG_HTML.match(following) is not None
        return 1, "<"

    def _bracket(self, at: int) -> Consumed:
        """Read what closes a link's text: backticks in its destination are no code."""
        following = self._held[at + 1 : at + 1 + LOOKAHEAD]
        if not following and not self._ended:
            return None
        if following[:1] in ("(", "[", ":") and not _PLAIN_DESTINATION.match(following):
            if _MAYBE_DESTINATION.fullmatch(following) and len(following) < LOOKAHEAD and not self._ended:
                return None
            self._doubts_spans = True
        return 1, "]"

    def _entity(self, at: int) -> Consumed:
        if entity := _ENTITY.match(self._held, at):
            text = entity.group()
            return len(text), MARK if HIDDEN.search(unescape(text)) else text
        return None if _MAYBE_ENTITY.match(self._held, at) and not self._ended else (1, "&")

    def _image(self, at: int) -> Consumed:
        described = self._described(at + 1)
        return None if described is None else (2, IMAGE if described else r"\![")

    def _described(self, at: int) -> bool | None:
        """Whether the bracket here closes and a destination follows; None where that is not known yet."""
        text = self._held[at : at + LOOKAHEAD]
        is_over = self._ended or len(text) == LOOKAHEAD
        if blank := _BLANK_LINE.search(text):
            text, is_over = text[: blank.start()], True
        depth = 0
        for bracket in _BRACKET.finditer(text):
            depth += 1 if bracket.group() == "[" else -1
            if not depth and bracket.end() < len(text):
                return text[bracket.end()] in "(["
            if not depth:
                break
        return False if is_over else None

    def _backticks(self, at: int, run: str) -> Consumed:
        if len(run) >= 3:
            return self._unsure_fence(at, run)
        if self._doubts_spans:
            return len(run), run
        line = self._line_from(at + len(run))
        known = line if line is not None else self._held[at + len(run) :].partition("\n")[0]
        span = _SPANS[run].match(known)
        if span and (line is not None or span.end() < len(known)):
            if "|" in span.group(1):
                self._doubts_spans = True
                return len(run), run
            return len(run) + span.end(), run + span.group()
        if line is None:
            return None
        self._doubts_spans = True
        return len(run), run

    def _unsure_fence(self, at: int, run: str) -> Consumed:
        """Read what may open or close a fence, or be text: behind the mark of a list or a quotation, say."""
        line = self._line_from(at + len(run))
        if line is None:
            return None
        self._doubts_spans = self._doubts_fences = True
        return len(run), run + _as_source(line)


def _run_of(held: str) -> str:
    """Return the character that all of a text is, but for spaces before it; nothing where it is none that may go on."""
    run = held.lstrip(" ")[:1] or held[:1]
    return run if run and run in " `~$" and not held.lstrip(" ").strip(run) else ""


def _as_source(info: str) -> str:
    """Return what to add between a fence and its info string, so that Streamlit draws no diagram of what follows."""
    return "text " if "mermaid" in unescape(info).replace("\\", "").lower() else ""


def sanitize(text: str) -> str:
    """Return a whole text rewritten."""
    rewriter = MarkdownSanitizer()
    return rewriter.feed(text) + rewriter.flush()

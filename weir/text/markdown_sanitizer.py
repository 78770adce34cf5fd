r"""Markdown sanitizer: rewrites a model's Markdown, while it streams, so that rendering it requests nothing.

- An image becomes a link with an image symbol.
- A Mermaid diagram, which can contain images too, becomes its source code.
- An entity of an invisible character becomes the replacement mark.

Code stays unchanged if it is certainly code. Where deciding that takes a whole Markdown parser, as in a paragraph with
HTML or formulas, text between backticks is treated as text. This is the second line of defense: the pages' Content
Security Policy lets no image load (`weir/api/middleware/security_headers.py`).

State of `MarkdownSanitizer`, and what changes it:

| field                    | values                         | changed by                                               |
|--------------------------|--------------------------------|----------------------------------------------------------|
| `_undecided`, `_pending` | text not yet decided           | `feed`: more text may decide it, `flush` always does     |
| `_repeated`              | "" or one of space, `` ` ``,   | the character that all of `_undecided` consists of       |
|                          | ~, $                           |                                                          |
| `_ended`                 | False, True                    | `flush`                                                  |
| `_line`                  | parts of the current line      | each text that is decided; empty at a line's start       |
| `_indent`                | spaces; None: line has other   | the same                                                 |
|                          | text                           |                                                          |
| `_follows_text`          | whether the last line has text | the end of a line                                        |
| `_fence`                 | "" or the opening marks        | a certain fence opens; its closing line; a line left of  |
|                          |                                | `_fence_column`                                          |
| `_is_opening_line`       | False, True                    | True from the opening of a fence to the end of its line  |
| `_fence_column`          | column of the fence's content  | a fence opens                                            |
| `_list_column`           | 0: no list; n: column of the   | each line with text (`_follow_lists`), a fence           |
|                          | item's content; None:          |                                                          |
|                          | uncertain                      |                                                          |
| `_in_html`               | False, True                    | True at a tag, False at a blank line                     |
| `_in_formula`            | False, True                    | a line with an odd number of `$$`                        |
| `_inline_code_uncertain` | False, True                    | True at `<`, `>`, `$`, `{`, `|`, an unclosed backtick, a |
|                          |                                | link's unusual destination, an uncertain fence; False at |
|                          |                                | a blank line and after a certain fence                   |
| `_fence_uncertain`       | False, True                    | True at long HTML (`<script>`, a comment), a formula     |
|                          |                                | that shares its line, an uncertain fence, a fence that   |
|                          |                                | its list may have ended; recomputed when a certain fence |
|                          |                                | closes                                                   |

Three-valued answers (yes, no, not known yet) are None where more text is needed: `Consumed`, `_has_destination`,
`_line_from`; and `_list_column` and `_content_column` where a Markdown parser would be needed.
"""

import re
from collections.abc import Callable
from html import unescape

from weir.text.invisible_characters import HIDDEN, MARK

IMAGE = ":material/image: ["
"""Replaces the `![` of an image."""

LOOKAHEAD = 300
"""Maximal length, in characters, of an image's description or of inline code. What is longer is treated as text."""

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
"""Opening backticks -> pattern of the rest of the inline code."""
_BLANK_LINE = re.compile(r"\n[ \t>]*\n")

Consumed = tuple[int, str] | None
"""Number of characters decided, and their replacement; None if more text is needed to decide."""


class MarkdownSanitizer:
    """Incremental sanitizer. The result does not depend on how the text is cut.

    The results of `feed`, then that of `flush`, joined, are the sanitized text. The module's docstring lists its state.
    """

    def __init__(self) -> None:
        self._undecided = ""
        self._pending: list[str] = []
        """Chunks after `_undecided` that only repeat its character. Joined later: otherwise long runs cost O(n²)."""
        self._repeated = ""
        self._ended = False
        self._line: list[str] = []
        self._indent: int | None = 0
        self._follows_text = False
        self._fence = ""
        self._is_opening_line = False
        self._fence_column = 0
        self._list_column: int | None = 0
        self._in_html = self._in_formula = False
        self._inline_code_uncertain = False
        self._fence_uncertain = False

    def feed(self, text: str) -> str:
        """Add text and return the sanitized part that is decided."""
        self._pending.append(text)
        if self._repeated and text and not self._ended and not text.strip(self._repeated):
            return ""
        self._undecided = "".join([self._undecided, *self._pending])
        self._pending.clear()
        parts: list[str] = []
        at = 0
        while at < len(self._undecided):
            consumed = self._current_step()(at)
            if consumed is None:
                break
            length, replacement = consumed
            self._track_line(self._undecided[at : at + length])
            parts.append(replacement)
            at += length
        self._undecided = self._undecided[at:]
        self._repeated = _repeated_character(self._undecided)
        return "".join(parts)

    def flush(self) -> str:
        """End the text and return the sanitized remainder."""
        self._ended = True
        return self.feed("")

    def _current_step(self) -> Callable[[int], Consumed]:
        if self._fence:
            return self._fenced
        return self._inline if self._line else self._line_start

    def _track_line(self, text: str) -> None:
        """Add decided text to the current line. At the end of a line, update the state from the whole line."""
        *lines, last = text.split("\n")
        for line in lines:
            self._end_line("".join([*self._line, line]))
            self._line.clear()
            self._indent = 0
        if last:
            self._line.append(last)
            self._indent = self._indent_with(last)

    def _indent_with(self, text: str) -> int | None:
        """Return the leading spaces of the line when text is added; None if the line has other characters."""
        content = text.lstrip(" ")
        return None if self._indent is None or content else self._indent + len(text)

    # Lines

    def _fenced(self, at: int) -> Consumed:
        """Decide on a line of code, or on the available part of it."""
        end = self._undecided.find("\n", at)
        line = self._undecided[at:] if end < 0 else self._undecided[at:end]
        if self._fence_column and self._is_left_of(self._fence_column, line):
            # The list item may have ended here, and the fence with it.
            self._fence, self._fence_uncertain = "", True
            return self._inline(at) if self._line else self._line_start(at)
        code = line if end < 0 else line + "\n"
        return len(code), code

    def _is_left_of(self, column: int, text: str) -> bool:
        """Whether the line, when text is added, has its first character left of a column."""
        content = text.lstrip(" ")
        return self._indent is not None and bool(content) and self._indent + len(text) - len(content) < column

    def _line_start(self, at: int) -> Consumed:
        """Decide on the indent of a line and the fence that it may begin with."""
        start = _LINE_START.match(self._undecided, at)
        assert start
        indent, fence = start.group(1), start.group(2)
        if not fence:
            rest = self._undecided[start.end() : start.end() + 3]
            if not self._ended and rest in ("", "`", "``", "~", "~~"):
                return None
            return (len(indent), indent) if indent else self._inline(at)
        line = self._line_from(start.end())
        if line is None or (start.end() == len(self._undecided) and not self._ended):
            return None
        column = self._content_column(len(indent))
        is_odd = "|" in line or (fence[0] == "`" and "`" in line)
        if column is None or is_odd or self._fence_uncertain or self._in_html or self._in_formula:
            return self._uncertain_fence(at, indent + fence)
        self._fence, self._fence_column, self._list_column, self._is_opening_line = fence, column, column, True
        return len(indent + fence + line), indent + fence + _as_source(line) + line

    def _content_column(self, indent: int) -> int | None:
        """Return the column of the content around a fence with this indent; None if it may not be a fence."""
        if indent == 0 or (indent <= 3 and self._list_column == 0):
            return 0
        return self._list_column if self._list_column and self._list_column <= indent <= self._list_column + 3 else None

    def _line_from(self, at: int) -> str | None:
        """Return the rest of the line, up to `LOOKAHEAD` characters; None if more of it may follow."""
        line, newline, _ = self._undecided[at : at + LOOKAHEAD].partition("\n")
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
                self._fence_uncertain = self._fence_uncertain or line.rstrip() != "$$"
        else:
            self._inline_code_uncertain = self._in_html = False
        self._follows_text = bool(stripped)

    def _follow_lists(self, line: str) -> None:
        indent = len(line) - len(line.lstrip(" "))
        item = _LIST_ITEM.match(line)
        if item and self._list_column is not None and indent <= self._list_column + 3:
            interrupts = not self._follows_text or bool(self._list_column) or item.group(1) in "-*+1.1)"
            self._list_column = item.end() if interrupts else None
        elif item:
            self._list_column = None
        elif indent == 0 and (self._list_column == 0 or not self._follows_text):
            self._list_column = 0
        elif self._list_column is not None and indent < self._list_column:
            self._list_column = None

    def _maybe_close(self, line: str, stripped: str) -> None:
        # https://spec.commonmark.org/0.31.2/#fenced-code-blocks
        if self._is_opening_line:
            self._is_opening_line = False
        elif len(stripped) >= len(self._fence) and set(stripped) == {self._fence[0]}:
            indent = len(line) - len(line.lstrip(" "))
            self._fence_uncertain = not self._fence_column <= indent <= self._fence_column + 3 or "\t" in line
            self._fence = ""
            self._inline_code_uncertain = self._follows_text = False

    # Text

    def _inline(self, at: int) -> Consumed:
        token = _TOKEN.match(self._undecided, at)
        assert token
        text = token.group()
        reaches_end = token.end() == len(self._undecided) and not self._ended
        if text[0] in "\\`~!$" and reaches_end:
            return None
        if text[0] == "`":
            return self._backticks(at, text)
        if text[0] == "~" and len(text) >= 3:
            return self._uncertain_fence(at, text)
        if text == "!" and self._undecided.startswith("[", token.end()):
            return self._image(at)
        if text == "&":
            return self._entity(at)
        if text == "<":
            return self._tag(at)
        if text == "]":
            return self._bracket(at)
        if text[0] in "<>${|":
            self._inline_code_uncertain = True
        return len(text), text

    def _tag(self, at: int) -> Consumed:
        following = self._undecided[at : at + 10]
        if len(following) < 10 and "\n" not in following and not self._ended:
            return None
        self._inline_code_uncertain = True
        self._in_html = self._in_html or _HTML.match(following) is not None
        self._fence_uncertain = self._fence_uncertain or _LONG_HTML.match(following) is not None
        return 1, "<"

    def _bracket(self, at: int) -> Consumed:
        """Decide on a bracket that closes a link's text. Backticks in a link's destination are not code."""
        following = self._undecided[at + 1 : at + 1 + LOOKAHEAD]
        if not following and not self._ended:
            return None
        if following[:1] in ("(", "[", ":") and not _PLAIN_DESTINATION.match(following):
            if _MAYBE_DESTINATION.fullmatch(following) and len(following) < LOOKAHEAD and not self._ended:
                return None
            self._inline_code_uncertain = True
        return 1, "]"

    def _entity(self, at: int) -> Consumed:
        if entity := _ENTITY.match(self._undecided, at):
            text = entity.group()
            return len(text), MARK if HIDDEN.search(unescape(text)) else text
        return None if _MAYBE_ENTITY.match(self._undecided, at) and not self._ended else (1, "&")

    def _image(self, at: int) -> Consumed:
        is_image = self._has_destination(at + 1)
        return None if is_image is None else (2, IMAGE if is_image else r"\![")

    def _has_destination(self, at: int) -> bool | None:
        """Whether the bracket at this position closes and a destination follows; None if more text is needed."""
        text = self._undecided[at : at + LOOKAHEAD]
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
            return self._uncertain_fence(at, run)
        if self._inline_code_uncertain:
            return len(run), run
        line = self._line_from(at + len(run))
        known = line if line is not None else self._undecided[at + len(run) :].partition("\n")[0]
        span = _SPANS[run].match(known)
        if span and (line is not None or span.end() < len(known)):
            if "|" in span.group(1):
                self._inline_code_uncertain = True
                return len(run), run
            return len(run) + span.end(), run + span.group()
        if line is None:
            return None
        self._inline_code_uncertain = True
        return len(run), run

    def _uncertain_fence(self, at: int, run: str) -> Consumed:
        """Decide on marks that may open or close a fence or be text, for example after a list or quotation mark."""
        line = self._line_from(at + len(run))
        if line is None:
            return None
        self._inline_code_uncertain = self._fence_uncertain = True
        return len(run), run + _as_source(line)


def _repeated_character(text: str) -> str:
    """Return the character that a text consists of after its leading spaces: a space, `` ` ``, ~ or $; else ""."""
    character = text.lstrip(" ")[:1] or text[:1]
    return character if character and character in " `~$" and not text.lstrip(" ").strip(character) else ""


def _as_source(info: str) -> str:
    """Return the prefix for a fence's info string that keeps Streamlit from drawing a Mermaid diagram."""
    return "text " if "mermaid" in unescape(info).replace("\\", "").lower() else ""

r"""LaTeX in a model's Markdown, as Streamlit reads it: between dollar signs.

Models write `\( … \)` and `\[ … \]`, which become `$ … $` and `$$ … $$`. A dollar sign that opens no formula (`$5`,
`US$ `) is escaped. Code, in fences and between backticks, stays as it is.
"""

import re

_TOKEN = re.compile(r"\n|`+|~{3,}|\\.|\$+", re.DOTALL)
_MARKS = "\\`~$"
"""Characters that mean nothing for certain until it is known what follows them."""

_LATEX = {"\\(": "$", "\\)": "$", "\\[": "$$", "\\]": "$$"}


class LatexDelimiterRewriter:
    """Feed it text in any pieces; what the pieces are makes no difference.

    What `feed` returned, then `rest()`, joined, is the rewritten text.
    """

    def __init__(self) -> None:
        self._held: list[str] = []
        """Marks at the end of the text, in the pieces that they came in."""
        self._is_blank = True
        """Whether the line has white space alone so far."""
        self._fence = ""
        self._code = ""
        self._dollars = ""

    def feed(self, text: str) -> str:
        """Take more text and return as much of it, rewritten, as is decided."""
        end = len(text.rstrip(_MARKS))
        if not end:
            self._held.append(text)
            return ""
        decided, self._held = "".join([*self._held, text[:end]]), [text[end:]]
        return self._rewritten(decided, ended=False)

    def flush(self) -> str:
        """Say that the text has ended and return what was held back."""
        last, self._held = "".join(self._held), []
        return self._rewritten(last, ended=True)

    def _rewritten(self, text: str, *, ended: bool) -> str:
        parts: list[str] = []
        at = 0
        for token in _TOKEN.finditer(text):
            self._pass(text[at : token.start()], parts)
            following = text[token.end() : token.end() + 1]
            parts.append(self._token(token.group(), following or ("\n" if ended else "x")))
            at = token.end()
        self._pass(text[at:], parts)
        return "".join(parts)

    def _pass(self, plain: str, parts: list[str]) -> None:
        self._is_blank = self._is_blank and (not plain or plain.isspace())
        parts.append(plain)

    def _token(self, token: str, following: str) -> str:
        begins_line, self._is_blank = self._is_blank, token == "\n"
        if token == "\n":
            self._code = ""
            if self._dollars == "$":
                self._dollars = ""
            return token
        if token[0] in "`~":
            self._mark(token, begins_line=begins_line)
            return token
        if self._fence or self._code:
            return token
        if token in _LATEX:
            self._dollars = "" if token in ("\\)", "\\]") else _LATEX[token]
            return _LATEX[token]
        if token[0] == "$":
            return self._dollar(token, following)
        return token

    def _mark(self, token: str, *, begins_line: bool) -> None:
        """Enter or leave code."""
        if self._fence:
            if token.startswith(self._fence) and begins_line:
                self._fence = ""
        elif len(token) >= 3 and begins_line:
            self._fence = token
        elif token[0] == "`":
            self._code = "" if self._code == token else self._code or token

    def _dollar(self, token: str, following: str) -> str:
        if self._dollars:
            self._dollars = "" if token == self._dollars else self._dollars
            return token
        if token == "$" and (following.isdigit() or following.isspace() or following in ".,;:!?)"):
            return "\\$"
        self._dollars = token
        return token


def rewrite_latex(text: str) -> str:
    """Return a whole text rewritten."""
    rewriter = LatexDelimiterRewriter()
    return rewriter.feed(text) + rewriter.flush()

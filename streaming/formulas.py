r"""LaTeX in a model's Markdown, as Streamlit reads it: between dollar signs.

Models write `\( … \)` and `\[ … \]`, which become `$ … $` and `$$ … $$`. A dollar sign that opens no formula (`$5`,
`US$ `) is escaped. Code, in fences and between backticks, stays as it is.
"""

import re

_TOKEN = re.compile(r"\n|`+|~{3,}|\\.|\$+", re.DOTALL)
_UNDECIDED = re.compile(r"(?:\\|`+|~+|\$+)+\Z")
_LATEX = {"\\(": "$", "\\)": "$", "\\[": "$$", "\\]": "$$"}


class FormulaRewriter:
    """Feed it text in any pieces; what the pieces are makes no difference.

    What `feed` returned, then `rest()`, joined, is the rewritten text.
    """

    def __init__(self) -> None:
        self._held = ""
        self._line = ""
        self._fence = ""
        self._code = ""
        self._dollars = ""

    def feed(self, text: str) -> str:
        """Take more text and return as much of it, rewritten, as is decided."""
        self._held += text
        undecided = _UNDECIDED.search(self._held)
        end = undecided.start() if undecided else len(self._held)
        decided, self._held = self._held[:end], self._held[end:]
        return self._rewritten(decided, ended=False)

    def rest(self) -> str:
        """Say that the text has ended and return what was held back."""
        last, self._held = self._held, ""
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
        self._line += plain
        parts.append(plain)

    def _token(self, token: str, following: str) -> str:
        before, self._line = self._line, self._line + token
        if token == "\n":
            self._line = self._code = ""
            if self._dollars == "$":
                self._dollars = ""
            return token
        if token[0] in "`~":
            self._mark(token, before)
            return token
        if self._fence or self._code:
            return token
        if token in _LATEX:
            self._dollars = "" if token in ("\\)", "\\]") else _LATEX[token]
            return _LATEX[token]
        if token[0] == "$":
            return self._dollar(token, following)
        return token

    def _mark(self, token: str, before: str) -> None:
        """Enter or leave code."""
        if self._fence:
            if token.startswith(self._fence) and not before.strip():
                self._fence = ""
        elif len(token) >= 3 and not before.strip():
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


def rewritten(text: str) -> str:
    """Return a whole text rewritten."""
    rewriter = FormulaRewriter()
    return rewriter.feed(text) + rewriter.rest()

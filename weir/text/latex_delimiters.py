r"""LaTeX delimiter rewriter: turns the LaTeX in a model's Markdown into the form that Streamlit renders.

Models write `\( … \)` and `\[ … \]`, which become `$ … $` and `$$ … $$`. A dollar sign that opens no formula (`$5`,
`US$ `) is escaped. Code, in fences and between backticks, stays unchanged.
"""

import re

_TOKEN = re.compile(r"\n|`+|~{3,}|\\.|\$+", re.DOTALL)
_MARKS = "\\`~$"
"""Characters whose meaning depends on what follows. At the end of a chunk they are held back."""

_LATEX = {"\\(": "$", "\\)": "$", "\\[": "$$", "\\]": "$$"}


class LatexDelimiterRewriter:
    """Incremental rewriter. The result does not depend on how the text is cut.

    The results of `feed`, then that of `flush`, joined, are the rewritten text.
    """

    def __init__(self) -> None:
        self._pending_marks: list[str] = []
        """Marks at the end of the text, one part a chunk."""
        self._is_blank = True
        """Whether the current line has only white space so far."""
        self._fence = ""
        self._code = ""
        self._dollars = ""

    def feed(self, text: str) -> str:
        """Add text and return the rewritten part that is decided."""
        end = len(text.rstrip(_MARKS))
        if not end:
            self._pending_marks.append(text)
            return ""
        decided, self._pending_marks = "".join([*self._pending_marks, text[:end]]), [text[end:]]
        return self._rewrite(decided, ended=False)

    def flush(self) -> str:
        """End the text and return the rewritten remainder."""
        last, self._pending_marks = "".join(self._pending_marks), []
        return self._rewrite(last, ended=True)

    def _rewrite(self, text: str, *, ended: bool) -> str:
        parts: list[str] = []
        at = 0
        for token in _TOKEN.finditer(text):
            self._copy(text[at : token.start()], parts)
            following = text[token.end() : token.end() + 1]
            parts.append(self._rewrite_token(token.group(), following or ("\n" if ended else "x")))
            at = token.end()
        self._copy(text[at:], parts)
        return "".join(parts)

    def _copy(self, unchanged: str, parts: list[str]) -> None:
        self._is_blank = self._is_blank and (not unchanged or unchanged.isspace())
        parts.append(unchanged)

    def _rewrite_token(self, token: str, following: str) -> str:
        begins_line, self._is_blank = self._is_blank, token == "\n"
        if token == "\n":
            self._code = ""
            if self._dollars == "$":
                self._dollars = ""
            return token
        if token[0] in "`~":
            self._toggle_code(token, begins_line=begins_line)
            return token
        if self._fence or self._code:
            return token
        if token in _LATEX:
            self._dollars = "" if token in ("\\)", "\\]") else _LATEX[token]
            return _LATEX[token]
        if token[0] == "$":
            return self._rewrite_dollar(token, following)
        return token

    def _toggle_code(self, token: str, *, begins_line: bool) -> None:
        """Enter or leave a fence or inline code."""
        if self._fence:
            if token.startswith(self._fence) and begins_line:
                self._fence = ""
        elif len(token) >= 3 and begins_line:
            self._fence = token
        elif token[0] == "`":
            self._code = "" if self._code == token else self._code or token

    def _rewrite_dollar(self, token: str, following: str) -> str:
        if self._dollars:
            self._dollars = "" if token == self._dollars else self._dollars
            return token
        if token == "$" and (following.isdigit() or following.isspace() or following in ".,;:!?)"):
            return "\\$"
        self._dollars = token
        return token

"""Patterns for what no list of words can name: numbers, formulas, code, turns of phrase.

Every repetition that something may follow has a bound, and is possessive (`{0,9}+`) where nothing of it is ever given
back: a pattern then takes time in proportion to the text, whatever the text is (`tests/test_linear_time.py`).
"""

import re

from chains.classifier.word_lists import alternatives

_UNIT = alternatives("units")
_WRITE = alternatives("write")
_PROGRAM = alternatives("programs")
_AMBIGUOUS = alternatives("ambiguous_languages")
_FEW_WORDS = r"(?:\W{1,9}+[\w+#]{1,40}+){0,6}?\W{1,9}+"
_START = r"^[^\w\n]{0,20}+"

LATEX = re.compile(r"\\[a-zA-Z]+(?:\{[^{}]*\}|_\{?[^{}\s]*\}?|\^\{?[^{}\s]*\}?)*|\^\{[^{}]*\}|_\{[^{}]*\}")
_CONTEXT = (
    rf"\b(?:in|di|en|auf|using|with|use|pakai|memakai|pake|dengan|menggunakan|dalam|for|into|to|ke|learn|by|mit|"
    rf"avec|con|em|bahasa(?: pemrograman)?)\s{{1,9}}+{_AMBIGUOUS}\b(?!\s{{1,9}}+(?:island|time|the)\b)"
    rf"|\b(?:python|java|ruby|rust|swift|go|pascal|shell|c|r|perl|scala|dart)\s{{1,9}}+(?:code|kode|program|script|skrip|"
    rf"function|fungsi|list|dict\w*|class|method|string|array|loop|version|package|module|library|"
    r"error|exception|compiler|borrow|slice|channel|struct|tuple|set|generator|decorator|syntax|project|app|"
    r"developer tools|stream|lambda|interface|enum|test|file|import|crate|script)s?\b"
)
_ERROR = (
    r"\b[A-Z]\w{0,60}(?:Error|Exception|Warning)\b|\btraceback\b|\bsegmentation fault\b|\bsegfault\b|\bcore dumped\b|"
    r"\bexit(?:ed|s)?(?: with)? (?:code|status)\b|\bcommand not found\b|"
    r"\bfatal:|\berror:|\bpanic:|\berrno\b|\bundefined (?:is not|reference|index|variable)|\bis not (?:defined|"
    r"a function|recognized)\b|\bcannot (?:read|find|import|resolve|open)\b|"
    r"\bpermission denied\b|\baccess denied\b|\bconnection refused\b|\b(?:404|500|502|503|403|"
    r"401)\b(?=.{0,200}\b(?:error|page|server|gateway|api|endpoint|app|nginx|request|http|after|setelah)\b)|"
    r"\bNaN\b|\bstack ?overflow\b|\bnull ?pointer\b|\bERESOLVE\b|\bENOENT\b|\bENO[A-Z]+\b|\bCrashLoop\w+|"
    r"\bexpected '|\bunexpected token\b|#N/A|#REF|\berr?or\b"
)
_PUNCTUATION = (
    r"[{}]|;[ \t]{0,9}+(?:$|\n\s{0,9}+(?:\}|//)|\}|//)|=>|==|!=|&&|\|\||::|</?\w{1,30}+[^<>]{0,80}>|```|"
    r"`[^`]{1,200}+`|\$\(|\$\{|--\w{2,}|"
    r"\b\w{1,40}+\.\w{1,40}+\(|\b[a-z_]\w{0,40}+\(\)|\+\+|\+=|\b\w{1,40}+\[\w{1,40}+\]|^[ \t]{0,40}+#include|"
    r"\b[a-z]{1,40}+_[a-z_]{1,80}+\b|\b[a-z]{1,40}+[A-Z][a-z]\w{0,60}+|"
    r"\b\w{1,40}+\.(?:py|js|ts|java|cpp|cs|php|html?|css|json|ya?ml|sh|txt|csv|"
    r"go|rs|rb|kt|sql|xml|ipynb|toml|env|log|jar|md)\b|"
    r"\b(?:def|class|function|fn|func)\s{1,9}+\w{1,40}+\s{0,9}+\(|\b(?:for|while|if)\s{0,9}+\(|"
    r"\bfor\s{1,9}+\w{1,40}+\s{1,9}+in\b|\b(?:public|private|static)\s{1,9}+\w{1,40}+|"
    r"\b(?:const|let|var|int|float|string|char|bool)\s{1,9}+\w{1,40}+\s{0,9}+=|"
    r"^[ \t]{0,40}+(?:import|from)\s{1,9}+\w{1,40}+|\bprint\s{0,9}+\(|\bprintln\b|\bconsole\.log|"
    r"\breturn\s{1,9}+\w{1,40}+"
)
_STATEMENT = (
    r"\b\w{1,40}+\.[a-z]\w{0,40}+\([^)]{0,200}+\)|=>|</\w{1,30}+>|<\w{1,30}+(?: [^<>]{0,200}+)?/?>|```|"
    r"\bprint(?:ln|f)?!?\s{0,9}+\(|\bconsole\.log|\b(?:def|function|fn|func)\s{1,9}+\w{1,40}+\s{0,9}+\(|"
    r"\bfor\s{0,9}+\(|\bfor\s{1,9}+\w{1,40}+\s{1,9}+in\s{1,9}+[^\s:]{1,80}+:|\bwhile\s{0,9}+\(|"
    r"\bif\s{0,9}+\([^)]{0,200}+\)\s{0,9}+\{|"
    r"\bwhile\s{1,9}+\S.{0,30}:(?:[ \t]{0,9}+\n|\s{0,9}+\w{1,40}+\()|"
    r"\b(?:public|private|protected)\s{1,9}+(?:static|class|void|int|string)|"
    r"\b(?:const|let|var|int|float|double|string|char|bool)\s{1,9}+\w{1,40}+(?:\[\])?\s{0,9}+=|#include|"
    r"^[ \t]{0,40}+(?:import|from)\s{1,9}+[\w.]{1,80}+(?:\s{1,9}+(?:as|import)\b.{0,200}+)?$|"
    r"\breturn\s{1,9}+\w{1,40}+\s{0,9}+[-+*/;]|[;{][ \t]{0,9}+\n|\};?[ \t]{0,9}+$|"
    r"\{\s{0,9}+\w[\w-]{0,40}+\s{0,9}+:[^}]{1,300}+\}|\b\w{1,40}+\[['\"]\w{1,40}+['\"]\]|\$[A-Z]{2,}\b|<\?php|"
    r"\becho \$|\b\w{1,40}+\s{0,9}+(?:\+=|\+\+)"
)
_YEAR = rf"\b(?:1[0-9]|20)\d\d\b(?!\s{{0,9}}+[-+*/x×÷=])|\b\d{{1,2}} {alternatives('months')}\b"
_COMMAND = (
    r"^[ \t]{0,40}+(?:[$>#][ \t]{0,9}+)?(?:(?:sudo|git|docker|npm|npx|pip3?|kubectl|apt-get|curl|wget|mkdir|"
    r"chmod|chown|scp|"
    r"systemctl) [-\w./]|"
    r"(?:ls|cd|rm|cp|mv|grep|awk|sed|find|ssh|tar|cat|echo|make|cargo|python3?|node|yarn|brew|apt) (?:[-./~$'\"]|"
    r"\w{1,40}+\.\w))"
)
_SQL = (
    r"\bselect\b.{1,300}?\bfrom\b|\binsert into\b|\bupdate\b(?>.{1,200}?\bset\b).{1,200}?=|\bdelete from\b|"
    r"\bcreate table\b|"
    r"\balter table\b|\bgroup by\b|\border by\b|\b(?:left|inner|outer|right) join\b"
)
_SHEET = (
    r"=\s?[A-Z]{2,}\(|\b[A-Z]{1,2}\d{1,4}(?::[A-Z]{1,2}\d{1,4})?\b(?=.{0,200}\b(?:cell|column|excel|sheet|formula)\b)|"
    r"\b(?:excel|spreadsheet|google sheets?|vlookup|xlookup|sumifs?|countifs?|pivot)\b"
)
_EXPRESSION = (
    r"\d\s{0,9}+[-+*/×÷^%:]\s{0,9}+\(?\s{0,9}+-?[\d(]|\d\s{0,9}+x\s{0,9}+\d|\d\s{0,9}+[!²³√]|√\s{0,9}+\d|"
    r"\b(?:sqrt|sin|cos|tan|log|ln|exp|lim|log2|log10)\s{0,9}+\(?\s{0,9}+-?[\dxπ(]|"
    r"\d\s{0,9}+(?:mod|choose|times|plus|minus|kali|dibagi|dikali|ditambah|dikurangi|por|mal|fois|vezes)\s{0,9}+\d+|"
    r"\b\d{1,40}+C\d{1,40}+\b"
)
_EQUATION = (
    r"(?:\d|\b)[xyznabk]\s{0,9}+(?:\^|\*\*|[²³])|\b\d{1,40}+(?-i:[xyznab])\b|"
    r"[xyz]\s{0,9}+[-+*/]\s{0,9}+\d{1,40}+\s{0,9}+[=<>≤≥]|"
    r"[=<>≤≥]\s{0,9}+-?\d{1,40}+\b(?![^\n;{}]{0,300}+[;{}])|\b[fgh]\(x\)|\b[fgh]'\(|\bd[yx]/d[xt]\b|"
    r"[∫∑∏√∞≤≥≠π∩∪∈→∂θ]|\\(?:frac|int|sum|lim|sqrt|cdot|infty|pi|begin)\b|"
    r"\$(?=[^$\n\\^_=]{0,200}+[\\^_=])[^$\n]{1,300}+\$|\by\s{0,9}+=\s{0,9}+|\b[xyz]\s{0,9}+=\s{0,9}+(?:\d|\?)|"
    r"\b[xyz]\s{0,9}+(?:\+|-)\s{0,9}+[xyz]\b|\|[xyz][^|]{0,100}+\|\s{0,9}+=|"
    r"\[\s{0,9}+\[?\s{0,9}+-?\d{1,40}+(?:\s{0,9}+,|\s)\s{0,9}+-?\d+"
)
_NUMBER = r"(?<![\w.])[-+]?\d+(?:[.,:]\d+)*(?![\d])"
_MONEY = r"[$€£¥]\s?\d|\brp\.? ?\d|\d\s?(?:dollars?|dolar|euros?|rupiah|usd|eur|idr|ribu|juta|rb|jt|k\b)"
_CONVERT = (
    rf"\d\s{{0,9}}+{_UNIT}\b.{{0,20}}\b(?:to|in|into|ke|jadi|menjadi|en|nach|in|à|berapa|itu)\b.{{0,15}}\b{_UNIT}\b|"
    rf"\b(?:how many|berapa|combien de|wie viele|cuántos|quantos)\s{{1,9}}+{_UNIT}\b.{{0,25}}\b(?:in|are|is|dalam|en|a|"
    rf"per|dans|y|sind|hat)\b.{{0,15}}\b{_UNIT}\b|\b1 {_UNIT} (?:in|berapa) {_UNIT}\b"
)
_ARITHMETIC = r"^(?=[^\d\n]{0,200}+\d)[ \t\d.,()+\-*/×÷^%=?!√²³xX:]{1,400}+$"
_BUILD = rf"\b{_WRITE}\b{_FEW_WORDS}{_PROGRAM}\b"
_CREATIVE = rf"\b{_WRITE}\b{_FEW_WORDS}{alternatives('texts')}\b|\b{alternatives('verses')}\b"
_GREETING = rf"{_START}(?!hello world){alternatives('greetings')}\b"
_WHO = rf"{_START}{alternatives('asks_who')}\b"
_QUANTITY = rf"\b{alternatives('asks_quantity')}\b"
_PROVE = (
    r"\b(?:prove|proof|show) (?:that|the|of|by)\b|\bbuktikan\b|\bbewei\w+\b|\bdémontre\w*\b|\bdemuestra\b|"
    r"\btunjukkan bahwa\b|\b(?:solve|selesaikan|resuelve|résous|löse|resolva)\b[^\d\n]{0,200}+\d"
)

_SESSION = (
    r"^[ \t]{0,40}+>>> |^[ \t]{0,40}+(?:input|output|keluaran|masukan)\s{0,3}+:|"
    r"\b[a-z]\w{0,40}+\([^()\n]{0,200}+\)\s{0,9}+(?:==|=>|->|➞|#)"
)

IN_TEXT = re.IGNORECASE | re.MULTILINE

PATTERNS = {
    "language_in_context": re.compile(_CONTEXT, IN_TEXT),
    "error": re.compile(_ERROR, IN_TEXT),
    "command": re.compile(_COMMAND, IN_TEXT),
    "sql": re.compile(_SQL, IN_TEXT),
    "sheet": re.compile(_SHEET, IN_TEXT),
    "expression": re.compile(_EXPRESSION, IN_TEXT),
    "equation": re.compile(_EQUATION, IN_TEXT),
    "numbers": re.compile(_NUMBER, IN_TEXT),
    "year": re.compile(_YEAR, IN_TEXT),
    "money": re.compile(_MONEY, IN_TEXT),
    "convert": re.compile(_CONVERT, IN_TEXT),
    "units": re.compile(rf"\d\s{{0,9}}+{_UNIT}\b", IN_TEXT),
    "arithmetic": re.compile(_ARITHMETIC, IN_TEXT),
    "prove": re.compile(_PROVE, IN_TEXT),
    "quantity": re.compile(_QUANTITY, IN_TEXT),
    "greeting": re.compile(_GREETING, IN_TEXT),
    "who": re.compile(_WHO, IN_TEXT),
    "creative": re.compile(_CREATIVE, IN_TEXT),
    "build": re.compile(_BUILD, IN_TEXT),
    "session": re.compile(_SESSION, IN_TEXT),
}
"""What is looked for in a text, in any case."""

CODE_PATTERNS = {
    "punctuation": re.compile(_PUNCTUATION, re.MULTILINE),
    "statement": re.compile(_STATEMENT, re.MULTILINE),
}
"""The signs of code. LaTeX has some of them too: it is taken out first."""

FORM_OF_ANSWER = re.compile(rf"\b\d{{1,9}}+(?: \w{{1,30}}+)? {alternatives('answer_form')}", re.IGNORECASE)
"""A number that says what the answer is to look like: there is nothing to calculate with it."""

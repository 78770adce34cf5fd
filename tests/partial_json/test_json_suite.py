"""Documents in the style of JSONTestSuite (https://github.com/nst/JSONTestSuite), written for this test."""

import json

import pytest

from tests.support.json_texts import is_same, parse
from weir.partial_json.dialect import MODEL_ANSWER, STRICT
from weir.partial_json.fields import ParseStatus

VALID = [
    # numbers
    "0", "-0", "7", "-1", "123456789012345678901234567890", "0.5", "-0.0", "1.25", "1e5", "1E5", "1e+5", "1e-5", "0e1",
    "0e+1", "1.5e10", "-1.5E-10", "1e400", "-1e400", "1e-400", "[0]", "[-0]", "[1 ]", "[ 1]", "[1,2 , 3]", "[10,0.10]",
    '{"n":20e1}', "[123.456e78]", "[1.7976931348623157e308]",
    # strings and escapes
    '""', '"a"', r'"\"\\\/\b\f\n\r\t"', r'"\u0041"', r'"\u0000"', r'"\u00e9\u00E9"', r'"\ud83d\ude00"',
    r'"\uD83D\uDE00x"',
    r'"\ud83d"', r'"\ude00"', r'"\ude00\ud83d"', r'"\ud83d\ud83d\ude00"', r'"\ud83d\u0041"', r'"\ud83da"', r'"\\u0041"',
    r'"\\\\n"', '"\x7f"', '"é"', '"😀"', '"\u2028\u2029"', '"\ufeff"', '"\uffff"', '"/*x*/ // [] {} , :"', r'"\\"',
    '"\ud83d"', r'["\"]", "}"]', '"\xa0"',
    # literals
    "true", "false", "null", "[true,false,null]", ' { "a" : true } ',
    # structure
    "[]", "{}", "[[]]", "[{}]", '{"":0}', '{"a":[]}', '{"a":{"b":{"c":[[[1]]]}}}', '{"a":1,"a":2}',
    '{"a":1,"b":2,"a":[]}',
    '{"a":"x","a":"y"}', '{"\\u0061":1,"a":2}', '{"a\\u0000b":1}', '["a",[1,{"b":[2]}],null]', "[" * 100 + "]" * 100,
    '{"a":{"a":1},"a":{"b":2}}', '{"\\ud83d":1}', '{"a/b~c":{"":{" ":1}}}',
    # white space
    " 1 ", "\t[\n1\r\n,\t2 ]\n", "\n\n{}\n", '{"a"\n:\n1\n}', "[ ]", "{ }", "\r[]",
]  # fmt: skip
INVALID = [
    # numbers
    "-", "+1", "01", "-01", "00", "1.", ".5", "-.5", "1.e5", "1e", "1e+", "1e-", "1E+.", "1.5.5", "1e5.5", "1e5e5",
    "--1",
    "1-", "1+2", "0x1F", "1_000", "[1a]", "[1 000]", "[-]", "[- 1]", "[1.]", "[.1]", "[1e]", "[1,]", "１", "[١]", "NaN",
    "Infinity", "-Infinity", "[NaN]", "[-Infinity]", "[nan]", "[Inf]", "[-NaN]", "1,5", "[1e1,5.]", "0b1",
    # strings and escapes
    '"', '"a', "'a'", '["a]', r'"\"', r'"\x41"', r'"\a"', r'"\'"', r'"\u"', r'"\u1"', r'"\u12"', r'"\u123"',
    r'"\u12G4"',
    r'"\U0041"', r'"\u+041"', r'"\u 041"', r'"\uD83D\u"', r'"\ud83d\ude0"', r'"\ud83d\x"', '"\\', '"\\\n"', '"a\nb"',
    '"\t"',
    '"\x00"', '"\x1f"', '"a"b"', '""x', r'"\é"', '"\\\x00"', r'"\u００４１"', '“a”', "a", "`a`",
    # literals
    "tru", "truee", "True", "TRUE", "fals", "nul", "nulL", "undefined", "None", "[tru]", "[nul", "truefalse",
    "[true false]",
    "t", "[f]",
    # structure
    "[", "]", "{", "}", "[1", "[1,", "[,1]", "[1,,2]", "[1,]", "[,]", "[1 2]", "[1;2]", "[1:2]", "[]]", "[}", "{]",
    "[1}",
    '{"a"}', '{"a":}', '{"a":1,}', '{,}', '{"a":1,,"b":2}', '{"a" 1}', '{"a"::1}', '{"a":1 "b":2}', "{a:1}", "{'a':1}",
    "{1:1}", "{null:1}", '{"a":1]', '{"a":1', '{"a":', '{"a"', '{"a', '{"', '{"a":1}}', '{"a":1}{', "[][]", "{}{}",
    "[1]x",
    "1 2", "[1] [2]", '{"a":1}"b"', '{"a":1}#', "[1]//x", "/*x*/[1]", "[1/*x*/]", "#[1]", "{[]:1}", '{"a":b}',
    '["a":1]',
    "[...]", "<a>", "*", ",", ":", "[" * 600, "[" * 600 + "]" * 600, '{"a":' * 600, "{{}}", '{"a":1,"b"}',
    '{"a":1;"b":2}',
    # white space and unicode
    "", " ", "\n", "\xa0[]", "[\xa0]", "[\u2028]", "[\x0b]", "[\x0c]", "[1\u200b]", "\x00", "[]\x00", "[\ufeff]",
    "\ufeff\ufeff[]",
    "é", "[é]", "\ufffe[]", "{\x0c}", "[\\u0020]", "[\\n]", "\u3000{}",
]  # fmt: skip


# Documents that RFC 8259 leaves to the implementation, with the values in STRICT and MODEL_ANSWER (... is an error).
DEFINED: list[tuple[str, object, object]] = [
    # numbers beyond what a float holds, integers of any length, minus zero
    ("[1e999]", [float("inf")], [float("inf")]),
    ("[-1e999]", [float("-inf")], [float("-inf")]),
    ("[1e-999]", [0.0], [0.0]),
    ("[-0]", [0], [0]),
    ("[18446744073709551616]", [18446744073709551616], [18446744073709551616]),
    ("[0.1000000000000000055511151231257827]", [0.1], [0.1]),
    # surrogates on their own
    (r'["\ud83d"]', ["\ud83d"], ["\ud83d"]),
    (r'["\ude00\ud83d"]', ["\ude00\ud83d"], ["\ude00\ud83d"]),
    ('["\ud83d"]', ["\ud83d"], ["\ud83d"]),
    # the is_same key twice
    ('{"a":1,"b":2,"a":3}', {"a": 3, "b": 2}, {"a": 3, "b": 2}),
    # a byte order mark
    ("\ufeff[1]", [1], [1]),
    ("\ufeff1", 1, 1),
    # raw control characters in strings
    ('["a\nb"]', ..., ["a\nb"]),
    ('["a\tb"]', ..., ["a\tb"]),
    ('["a\x00b"]', ..., ["a\x00b"]),
    ('{"a\rb":1}', ..., {"a\rb": 1}),
    # constants that are not in the standard
    ("[NaN]", ..., ...),
    ("[Infinity]", ..., ...),
    ("[-Infinity]", ..., ...),
    # depth
    ("[" * 500 + "]" * 500, json.loads("[" * 500 + "]" * 500), json.loads("[" * 500 + "]" * 500)),
    ("[" * 501 + "]" * 501, ..., ...),
    # text around the JSON
    ("[1] and more", ..., [1]),
    ("```json\n[1]\n```", ..., [1]),
    ("/* note */ [1]", ..., ...),
]


@pytest.mark.parametrize("size", [1, 2, 1000])
@pytest.mark.parametrize(("text", "strict", "lenient"), DEFINED)
def test_the_value_of_what_the_standard_leaves_open(text: str, strict: object, lenient: object, size: int) -> None:
    for dialect, expected in ((STRICT, strict), (MODEL_ANSWER, lenient)):
        parser = parse(text, dialect, [size])
        if expected is ...:
            assert parser.finish().error is not None
        else:
            assert parser.finish().error is None
            assert is_same(parser.value, expected)


@pytest.mark.parametrize("size", [1, 2, 1000])
@pytest.mark.parametrize("text", VALID)
def test_a_valid_document_has_the_value_of_json_loads(text: str, size: int) -> None:
    parser = parse(text, STRICT, [size])
    assert parser.finish().status is ParseStatus.COMPLETE
    assert repr(parser.value) == repr(json.loads(text))


@pytest.mark.parametrize("size", [1, 2, 1000])
@pytest.mark.parametrize("text", INVALID)
def test_an_invalid_document_ends_in_an_error_with_position_and_cause(text: str, size: int) -> None:
    parser = parse(text, STRICT, [size])
    ending = parser.finish()
    assert ending.status is not ParseStatus.COMPLETE
    assert ending.error is not None
    assert 0 <= ending.error.offset <= len(text)
    assert ending.error.cause.endswith(".")
    assert (ending.error.line, ending.error.column) >= (1, 1)

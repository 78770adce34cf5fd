import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from tests.support.json_texts import DOCUMENTS, SIZES, VALUES, chunks_of_sizes
from weir.partial_json.checked_schema import PROBLEM_LIMIT, Schema, SchemaError
from weir.partial_json.fields import ChangeType, ParseStatus, Validity
from weir.partial_json.parser import PartialJson

REPORT: dict[str, Any] = {
    "type": "object",
    "required": ["name", "items"],
    "additionalProperties": False,
    "properties": {
        "name": {"type": "string", "minLength": 2},
        "items": {"type": "array", "maxItems": 2, "items": {"$ref": "#/$defs/item"}},
        "note": {"anyOf": [{"type": "string", "maxLength": 3}, {"type": "null"}]},
    },
    "$defs": {"item": {"type": "integer", "minimum": 0}},
}
TREE: dict[str, Any] = {"type": ["object", "null"], "properties": {"below": {"$ref": "#"}}}


def validate(text: str, schema: Schema, size: int = 3) -> PartialJson:
    parser = PartialJson(schema=schema)
    for piece in chunks_of_sizes(text, [size]):
        parser.feed(piece)
    parser.finish()
    return parser


def verdicts(parser: PartialJson) -> dict[str, str]:
    return {pointer: field.validity.value for pointer, field in parser.fields.items()}


def problems(parser: PartialJson) -> dict[str, str | None]:
    return {pointer: field.problem for pointer, field in parser.fields.items() if field.problem is not None}


def test_a_field_is_judged_as_soon_as_it_is_closed() -> None:
    parser = PartialJson(schema=REPORT)
    life = [
        [(e.field.pointer, e.field.validity.value) for e in parser.feed(chunk) if e.change is ChangeType.VALIDATED]
        for chunk in ['{"name": "W', 'eir", "items": [1', ", -2, ", '3], "x": 1', ', "note": null', "}"]
    ]
    assert life == [
        [],
        [("/name", "valid")],
        [("/items/0", "valid"), ("/items/1", "invalid")],
        [("/items/2", "valid"), ("/items", "invalid")],
        [("/x", "invalid"), ("/note", "valid")],
        [("", "invalid")],
    ]
    assert problems(parser) == {
        "/items/1": "-2 is less than the minimum of 0",
        "/items": "[1, -2, 3] is too long",
        "/x": "The schema allows nothing here",
        "": "The value at /items in it is not valid",
    }
    field = parser.fields["/items/1"]
    assert (field.opened, field.closed, field.validated_in_chunk) == (3, 3, 3)


def test_every_problem_of_a_value_is_named() -> None:
    parser = validate('{"a": 1}', {"required": ["b", "c"]})
    assert problems(parser) == {"": "'b' is a required property; 'c' is a required property"}


def test_a_type_leaves_one_branch_and_its_parts_are_judged_at_once() -> None:
    nulls = {"type": "array", "items": {"type": "null"}}
    schema: Schema = {"anyOf": [{"$ref": "#/$defs/nulls"}, {"type": "null"}], "$defs": {"nulls": nulls}}
    parser = PartialJson(schema=schema)
    parser.feed("[null, 1, ")
    assert verdicts(parser) == {"": "unjudged", "/0": "valid", "/1": "invalid"}
    assert verdicts(validate("null", schema)) == {"": "valid"}
    assert verdicts(validate("7 ", schema)) == {"": "invalid"}


def test_what_only_the_whole_decides_is_judged_with_it() -> None:
    point = {"required": ["x"], "properties": {"x": {"type": "number"}}}
    name = {"required": ["name"], "properties": {"name": {"minLength": 2}}}
    schema: Schema = {"properties": {"at": {"anyOf": [point, name]}}}
    parser = PartialJson(schema=schema)
    parser.feed('{"at": {"x": 1, "deep": [2]')
    assert set(verdicts(parser).values()) == {"unjudged"}
    events = parser.feed("}")
    assert [e.field.pointer for e in events if e.change is ChangeType.VALIDATED] == [
        "/at",
        "/at/x",
        "/at/deep",
        "/at/deep/0",
    ]
    parser.feed("}")
    assert set(verdicts(parser).values()) == {"valid"}
    bad = validate('{"at": {"x": "1", "deep": [2]}}', schema)
    assert verdicts(bad) == {
        "": "invalid", "/at": "invalid", "/at/x": "unjudged", "/at/deep": "unjudged", "/at/deep/0": "unjudged",
    }  # fmt: skip


def test_a_problem_deep_in_a_whole_is_named_at_its_field_and_above() -> None:
    rule = {"properties": {"b": {"properties": {"c": {"maximum": 1}}}}}
    parser = validate('{"a": 1, "b": {"c": 2, "d": 3}}', {"if": {"required": ["a"]}, "then": rule})
    assert problems(parser) == {
        "/b/c": "2 is greater than the maximum of 1",
        "/b": "The value at /b/c in it is not valid",
        "": "The value at /b in it is not valid",
    }
    assert parser.fields["/b/d"].validity is Validity.UNKNOWN


@pytest.mark.parametrize(
    ("schema", "text", "expected"),
    [
        (True, "[1]", {"": "valid", "/0": "valid"}),
        (False, "[1]", {"": "invalid", "/0": "valid"}),
        (
            {"prefixItems": [{"type": "null"}], "items": False},
            "[null, 1]",
            {"": "invalid", "/0": "valid", "/1": "invalid"},
        ),
        (
            {"patternProperties": {"^a": {"type": "null"}}},
            '{"ab": 1, "c": 1}',
            {"": "invalid", "/ab": "invalid", "/c": "valid"},
        ),
        (
            {"allOf": [{"items": {"minimum": 2}}, {"items": {"maximum": 2}}]},
            "[2, 3]",
            {"": "invalid", "/0": "valid", "/1": "invalid"},
        ),
        (
            {"unevaluatedProperties": False, "properties": {"a": True}},
            '{"a": 1, "b": 2}',
            {"": "invalid", "/a": "unjudged", "/b": "unjudged"},
        ),
        ({"const": {"a": 1}}, '{"a": 1}', {"": "valid", "/a": "valid"}),
        (TREE, '{"below": {"below": 1}}', {"": "invalid", "/below": "invalid", "/below/below": "invalid"}),
        ({"oneOf": [{"$ref": "#/$defs/a"}, False], "$defs": {"a": {"maxLength": 1}}}, '""', {"": "valid"}),
        ({"allOf": [{"$ref": "#/$defs/a"}] * 2, "$defs": {"a": {"type": "null"}}}, "1 ", {"": "invalid"}),
        ({"minLength": 2, "type": ["string", "integer"]}, "1 ", {"": "valid"}),
    ],
)  # fmt: skip
def test_every_keyword_finds_its_values(schema: Schema, text: str, expected: dict[str, str]) -> None:
    assert verdicts(validate(text, schema)) == expected


def test_a_replaced_value_counts_no_more() -> None:
    parser = validate('{"name": 1, "name": "Weir", "items": []}', REPORT)
    assert set(verdicts(parser).values()) == {"valid"}


def test_a_verdict_waits_for_what_is_never_closed() -> None:
    parser = validate('{"name": "Weir", "items": [1', REPORT)
    assert verdicts(parser) == {"": "unjudged", "/name": "valid", "/items": "unjudged"}


def test_a_value_that_cannot_be_judged_says_why_and_stops_nothing() -> None:
    parser = validate('{"a": 1e999, "b": 2}', {"properties": {"a": {"multipleOf": 0.5}, "b": {"multipleOf": 2}}})
    assert parser.fields["/a"].validity is Validity.UNKNOWN
    assert str(parser.fields["/a"].problem).startswith("This could not be validated: ")
    assert parser.fields["/b"].validity is Validity.VALID


@pytest.mark.parametrize("schema", [{}, {"minProperties": 1}, {"not": {"type": "null"}}])
def test_what_holds_an_unjudged_value_is_not_judged(schema: dict[str, Any]) -> None:
    inner = {"properties": {"a": {"multipleOf": 0.5}}}
    parser = validate('{"x": {"a": 1e999}}', {"properties": {"x": inner}, **schema})
    assert verdicts(parser) == {"": "unjudged", "/x": "unjudged", "/x/a": "unjudged"}
    assert parser.fields["/x"].problem == "The value at /x/a in it could not be validated"
    assert parser.fields[""].problem == "The value at /x in it could not be validated"


SLOW, WORD = r"^(a|a)*$", "a" * 40 + "!"


@pytest.mark.parametrize(
    "rule",
    [
        {"pattern": SLOW},
        {"anyOf": [{"pattern": SLOW}, {"minLength": 99}]},
        # jsonschema has a validator of its own for a schema that names its dialect.
        {"$ref": "#/$defs/slow"},
    ],
)
def test_a_pattern_that_takes_too_long_leaves_its_value_unjudged(rule: dict[str, Any]) -> None:
    dialect = "https://json-schema.org/draft/2020-12/schema"
    schema = {"$schema": dialect, "properties": {"a": rule}, "$defs": {"slow": {"not": {"pattern": SLOW}}}}
    parser = validate(f'{{"a": "{WORD}", "b": 1}}', schema, size=50)
    assert verdicts(parser) == {"": "unjudged", "/a": "unjudged", "/b": "valid"}
    assert parser.fields["/a"].problem == f"The pattern {SLOW!r} takes too long"


@pytest.mark.parametrize(
    "schema",
    [
        {"patternProperties": {SLOW: False}},
        {"not": {"patternProperties": {SLOW: {"type": "null"}}}},
        {"not": {"patternProperties": {SLOW: True}, "additionalProperties": False}},
        {"patternProperties": {SLOW: True}, "unevaluatedProperties": False},
        {"propertyNames": {"pattern": SLOW}},
    ],
)
def test_a_pattern_of_names_that_takes_too_long_leaves_the_object_unjudged(schema: dict[str, Any]) -> None:
    parser = validate(f'{{"{WORD}": {{"c": 1}}, "b": 1}}', schema, size=50)
    assert parser.fields[""].validity is Validity.UNKNOWN
    assert "takes too long" in str([field.problem for field in parser.fields.values()])


def test_all_patterns_of_a_document_have_one_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("weir.partial_json.schema_budget.DOCUMENT_SECONDS", 0.0)
    parser = validate('["a", 1]', {"items": {"pattern": "a"}})
    assert verdicts(parser) == {"": "unjudged", "/0": "unjudged", "/1": "valid"}
    assert parser.fields["/0"].problem == "The patterns of the schema take too long"


@pytest.mark.parametrize("pattern", ["^{e}$", "^x{}$", r"^\N{DIGIT ONE}{2}$", r"^[{e}]$", r"^\{i\}$", "^a{,2}$"])
@pytest.mark.parametrize("text", ["{e}", "z", "x{}", "11", "e", "{i}", "aa", ""])
def test_a_pattern_means_what_it_means_to_re(pattern: str, text: str) -> None:
    expected = "valid" if re.search(pattern, text) else "invalid"
    assert verdicts(validate(json.dumps(text), {"pattern": pattern})) == {"": expected}


@pytest.mark.parametrize(
    "pattern", ["(?:" * 16 + "a?" + "){2}" * 16, "((a{1000}){1000}){1000}", "(?:" * 20 + "a" + ")+" * 20, "(?ix)a"]
)
def test_a_pattern_that_is_huge_written_out_is_refused(pattern: str) -> None:
    with pytest.raises(SchemaError, match="repeats too much"):
        PartialJson(schema={"properties": {"a": {"pattern": pattern}}})


def doubling_schemas(depth: int) -> dict[str, Any]:
    """Return schemas that lead to the next by two branches each."""
    names = {f"s{at}": {"oneOf": [{"$ref": f"#/$defs/s{at + 1}"}] * 2} for at in range(depth)}
    return {"$ref": "#/$defs/s0", "$defs": {**names, f"s{depth}": {"minLength": 2}}}


LOOP = {"items": {"$ref": "#"}}


@pytest.mark.parametrize(
    ("schema", "text", "verdict"),
    [
        (doubling_schemas(8), '"a"', "invalid"),
        (doubling_schemas(14), '"a"', "unjudged"),
        ({"anyOf": [{**LOOP, "maxItems": 0}, {**LOOP, "minItems": 2}]}, "[" * 5 + "]" * 5, "invalid"),
        ({"anyOf": [{**LOOP, "maxItems": 0}, {**LOOP, "minItems": 2}]}, "[" * 40 + "]" * 40, "unjudged"),
    ],
)
def test_branches_that_lead_to_too_many_others_leave_the_value_unjudged(
    schema: Schema, text: str, verdict: str
) -> None:
    field = validate(text, schema).fields[""]
    assert field.validity.value == verdict
    if verdict == "unjudged":
        assert field.problem == "The schema leads through too many branches"


def test_names_that_patterns_find_are_evaluated() -> None:
    parts: list[Any] = [{"patternProperties": {"^a": True}}, {"$ref": "#/$defs/b"}]
    branch = {"if": {"required": ["c"]}, "then": {"properties": {"c": True}}}
    schema = {"allOf": [*parts, branch], "unevaluatedProperties": False, "$defs": {"b": {"properties": {"b": True}}}}
    for value in ({"ab": 1, "b": 2, "c": 3}, {"ab": 1, "d": 2}, {"b": 1, "c": 1, "ca": 2}):
        expected = Validity.VALID if Draft202012Validator(schema).is_valid(value) else Validity.INVALID
        assert validate(json.dumps(value), schema).fields[""].validity is expected


@pytest.mark.parametrize(("depth", "verdict"), [(50, "valid"), (51, "unjudged"), (400, "unjudged")])
def test_a_value_nested_too_deep_is_not_judged_as_a_whole(depth: int, verdict: str) -> None:
    branches = [{"$ref": "#/$defs/node", "type": "array"}, {"items": {"$ref": "#"}}]
    schema: Schema = {"anyOf": branches, "$defs": {"node": {"items": {"$ref": "#"}}}}
    parser = validate("[" * depth + "]" * depth, schema)
    assert parser.fields[""].validity.value == verdict
    assert parser.fields[""].problem == (
        None if depth == 50 else "This is nested too deeply to be validated as a whole"
    )


@pytest.mark.parametrize("depth", [400, 499])
def test_depth_does_not_matter_where_parts_are_judged_one_by_one(depth: int) -> None:
    parser = validate('{"below": ' * depth + "null" + "}" * depth, TREE)
    assert {field.validity for field in parser.fields.values()} == {Validity.VALID}


def test_a_problem_is_kept_short() -> None:
    problem = validate(f'"{"x" * 9999}"', {"maxLength": 1}).fields[""].problem
    assert problem is not None
    assert len(problem) <= PROBLEM_LIMIT + 3
    assert problem.endswith("is too long")


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ({"type": "text"}, "This is not a JSON Schema: 'text' is not valid"),
        ({"$ref": "#/$defs/none"}, "nothing at '#/\\$defs/none'"),
        ({"properties": {"a": {"$ref": "https://example.invalid/schema"}}}, "nothing at 'https://example.invalid"),
        ({"pattern": "("}, "This is not a JSON Schema: .* is not a 'regex'"),
        ({"patternProperties": {"(": True}}, "This is not a JSON Schema: .* is not a 'regex'"),
        ({"items": {"$id": "https://example.invalid/part"}}, "does not support \\$id here"),
        ({"items": {"$schema": "http://json-schema.org/draft-07/schema#"}}, "does not support \\$schema here"),
        ({"$dynamicRef": "#a"}, "does not support \\$dynamicRef"),
        ({"$ref": "#/x", "x": {"properties": 3}}, "This is not a JSON Schema: 3 is not of type"),
        ({"$ref": "#/x", "x": {"allOf": [{"$ref": "#/y"}]}}, "nothing at '#/y'"),
        (7, "This is not a JSON Schema"),
        ({"not": {"$ref": "#"}}, "References form a circle"),
        ({"$ref": "#/$defs/a", "$defs": {"a": {"anyOf": [True, {"$ref": "#/$defs/a"}]}}}, "References form a circle"),
        (json.loads('{"items":' * 31 + "{}" + "}" * 31), "The schema is nested more than 30 levels deep"),
    ],
)
def test_a_bad_schema_is_refused_before_anything_is_read(schema: Any, message: str) -> None:
    with pytest.raises(SchemaError, match=message):
        PartialJson(schema=schema)


TYPES = st.sampled_from(["object", "array", "string", "number", "integer", "boolean", "null"])
KEYS = st.sampled_from(["a", "b", ""])
SCHEMAS: st.SearchStrategy[Any] = st.recursive(
    st.one_of(
        st.booleans(),
        st.builds(lambda name: {"type": name}, TYPES),
        st.sampled_from(
            [{"minLength": 1}, {"maximum": 3}, {"minItems": 1}, {"required": ["a"]}, {"const": 1}, {"enum": ["a", []]},
             {"$ref": "#/$defs/d"}, {"uniqueItems": True}, {"propertyNames": {"maxLength": 0}},
             {"pattern": "^a"}, {"patternProperties": {"^a": False}}]
        ),
    ),
    lambda below: st.one_of(
        st.builds(lambda key, one: {"properties": {key: one}}, KEYS, below),
        st.builds(lambda key, one, two: {"properties": {key: one}, "additionalProperties": two}, KEYS, below, below),
        st.builds(lambda word, schema: {word: schema}, st.sampled_from(["items", "not", "contains"]), below),
        st.builds(
            lambda word, one, other: {word: [one, other]},
            st.sampled_from(["anyOf", "oneOf", "allOf", "prefixItems"]), below, below,
        ),
        st.builds(lambda one, other: {"if": one, "then": other}, below, below),
        st.builds(lambda one: {"items": one, "unevaluatedItems": False}, below),
        st.builds(
            lambda one, two: {"patternProperties": {"^a": True}, "additionalProperties": one, "not": two}, below, below
        ),
        st.builds(lambda one, other: {"anyOf": [one, other], "unevaluatedProperties": False}, below, below),
    ),
    max_leaves=8,
)  # fmt: skip
SMALL = st.recursive(
    st.sampled_from([None, True, 1, 5, 0.5, "", "a"]),
    lambda below: st.one_of(st.lists(below, max_size=3), st.dictionaries(KEYS, below, max_size=3)),
    max_leaves=6,
)


@given(SCHEMAS, SCHEMAS, st.one_of(SMALL, VALUES), SIZES)
def test_the_verdict_of_the_whole_is_the_validators(one: Any, other: Any, value: Any, sizes: list[int]) -> None:
    schema = {"allOf": [one], "$defs": {"d": other if "$ref" not in str(other) else True}}
    parser = PartialJson(schema=schema)
    for piece in chunks_of_sizes(json.dumps(value), sizes):
        parser.feed(piece)
    assert parser.finish().status is ParseStatus.COMPLETE
    is_valid = Draft202012Validator(schema).is_valid(value)
    assert parser.fields[""].validity is (Validity.VALID if is_valid else Validity.INVALID)
    if is_valid:
        assert all(field.validity is Validity.VALID for field in parser.fields.values())


@given(DOCUMENTS, SIZES, SCHEMAS)
def test_a_verdict_never_changes_and_comes_with_an_event(text: str, sizes: list[int], schema: Any) -> None:
    parser = PartialJson(schema={"allOf": [schema], "$defs": {"d": True}})
    validated = []
    events = [event for piece in chunks_of_sizes(text, sizes) for event in parser.feed(piece)]
    events.extend(parser.finish().events)
    for event in events:
        if event.change is ChangeType.VALIDATED:
            assert event.field not in validated
            validated.append(event.field)
    fields = list(parser.fields.values())
    assert all((field.validated_in_chunk is None) == (field.validity is Validity.UNKNOWN) for field in fields)
    assert {field.pointer for field in fields if field.validated_in_chunk} <= {field.pointer for field in validated}

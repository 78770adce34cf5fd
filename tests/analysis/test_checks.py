from collections.abc import Sequence
from typing import Any

import pytest

from tests.support.planted_faults import FAULTS, RULES, planted, recording, sound_plan
from weir.analysis.check_rules import RuleError, Rules, parse_rules
from weir.analysis.checked_run import CheckResult
from weir.analysis.checks import check, rules_of
from weir.core.run_event import RunEvent
from weir.runs.recording_file import from_jsonl

SEEDS = range(50)


def events_of(content: bytes) -> Sequence[RunEvent]:
    return from_jsonl(content).events


def results_of(content: bytes, **rules: Any) -> list[CheckResult]:
    return check(events_of(content), parse_rules(rules))


@pytest.mark.parametrize("seed", SEEDS)
def test_a_sound_recording_holds_every_rule(seed: int) -> None:
    results = results_of(recording(sound_plan(seed)), **RULES)
    assert len(results) == len(RULES)
    assert [result.sentence for result in results if not result.holds] == []


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found_by_its_rule_with_figure_bound_and_event(fault: str, seed: int) -> None:
    content = planted(fault, seed)
    broken = {result.rule: result for result in results_of(content, **RULES) if result.holds is False}
    result = broken[FAULTS[fault][0]]
    assert result.figure
    assert result.bound
    assert result.seq is not None
    assert events_of(content)[result.seq].elapsed == result.at


def test_a_broken_time_names_the_event_at_which_it_broke() -> None:
    content = planted("one long gap", 1)
    (result,) = results_of(content, gap_max="200ms")
    events = events_of(content)
    assert result.seq is not None
    assert events[result.seq].event == "on_chain_stream"
    previous = max(event.elapsed for event in events[: result.seq] if event.event == "on_chain_stream")
    assert 0.2 < events[result.seq].elapsed - previous < 0.3


def test_a_rule_without_a_figure_is_not_checked() -> None:
    results = results_of(planted("the answer in one chunk", 1), gap_p95=1, gap_max=1, tokens_per_second=1)
    assert [result.holds for result in results] == [None, None, None]
    assert "1 chunk of text" in results[0].sentence


def test_an_empty_recording_breaks_rules_about_its_answer() -> None:
    results = check([], parse_rules(RULES))
    assert {result.rule for result in results if result.holds is False} >= {"first_token", "finish", "no_error"}


@pytest.mark.parametrize("value", ["1s", "1000ms", "1", 1, 1.0, " 1.0 s "])
def test_durations_are_seconds_or_texts_with_a_unit(value: Any) -> None:
    assert parse_rules({"first_token": value}).first_token == 1.0


@pytest.mark.parametrize(
    ("rules", "sentence"),
    [
        ({"first_tokens": 1}, "There is no rule first_tokens: rules are first_token, gap_p95"),
        ({"first_token": "soon"}, "The rule first_token cannot be read: 'soon' is no duration: write 200ms"),
        ({"first_token": -1}, "The rule first_token cannot be read"),
        ({"calls": "measure"}, "'measure' is no number of calls: write tool:2"),
        ({"max_tokens": "many"}, "The rule max_tokens cannot be read"),
        ({"json_valid": {"type": "thing"}}, "The rule json_valid cannot be read: This is not a JSON Schema"),
    ],
)
def test_a_rule_that_cannot_be_read_is_named(rules: dict[str, Any], sentence: str) -> None:
    with pytest.raises(RuleError, match=sentence.replace("(", "\\(")):
        parse_rules(rules)


def test_zero_is_a_bound_and_what_is_not_set_is_no_rule() -> None:
    assert parse_rules({"max_tokens": 0, "first_token": 0, "calls": {"measure": 0}}).bounds.keys() == {
        "max_tokens",
        "first_token",
        "calls",
    }
    assert Rules().bounds == {}


def test_any_json_and_json_of_a_schema_differ() -> None:
    content = planted("JSON that the schema refuses", 1)
    assert [result.holds for result in results_of(content, json_valid=True)] == [True]
    assert [result.holds for result in results_of(content, json_valid={"required": ["absent"]})] == [False]


@pytest.mark.parametrize("fault", ["a late first token", "a wrong route", "a repeated tool call", "too many tokens"])
def test_a_base_sets_the_rules_for_another_recording(fault: str) -> None:
    base = rules_of(events_of(recording(sound_plan(1))), 0.2)
    assert all(result.holds for result in check(events_of(recording(sound_plan(1))), base))
    broken = [result.rule for result in check(events_of(planted(fault, 1)), base) if result.holds is False]
    assert FAULTS[fault][0] in broken


def test_a_base_allows_what_the_tolerance_allows() -> None:
    plan = sound_plan(1)
    base = rules_of(events_of(recording(plan)), 0.2)
    first = check(events_of(recording(plan)), base)[0]
    assert (first.rule, first.holds) == ("first_token", True)
    assert base.first_token == pytest.approx(plan.gaps[0] * 1.2, abs=0.01)

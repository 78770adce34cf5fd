from tests.support.event_strategies import recorded
from tests.support.timed_runs import stream_events
from weir.analysis.method_race import Lane, lanes_of, lanes_within, summary, text_agreement
from weir.runs.methods import Method
from weir.runs.run import Status


def lane(method: Method, *chunks: tuple[float, str], status: Status = Status.DONE) -> Lane:
    return Lane(method, recorded(list(stream_events(*chunks)), status=status)).read()


def test_summary_says_how_long_one_waits_without_streaming() -> None:
    lanes = [lane(Method.STREAM, (0.31, "a"), (8.0, "b")), lane(Method.INVOKE, (8.4, "ab"))]
    assert summary(lanes) == "Without streaming you would have waited 8.4 s for the first word; with it 0.3 s."


def test_summary_is_the_median_of_the_lanes_that_stream() -> None:
    streams = [lane(Method.STREAM, (0.3, "a")), lane(Method.ASTREAM, (0.5, "a")), lane(Method.CALLBACKS, (3.0, "a"))]
    assert summary([*streams, lane(Method.INVOKE, (8.4, "a"))]).endswith("8.4 s for the first word; with it 0.5 s.")


def test_no_summary_is_contradicted_by_a_lane() -> None:
    queued = lane(Method.ASTREAM, (16.3, "a"), (20.0, "b"))
    sentence = summary([lane(Method.STREAM, (0.4, "a")), queued, lane(Method.INVOKE, (16.2, "ab"))])
    assert sentence.startswith("No result: astream() streams, and its first word came after 16.3 s")
    assert "without streaming (16.2 s)" in sentence


def test_a_race_takes_no_more_lanes_than_the_engine_has_slots() -> None:
    assert lanes_within(list(Method), 4) == [Method.STREAM, Method.ASTREAM, Method.ASTREAM_EVENTS, Method.INVOKE]
    assert lanes_within([Method.STREAM, Method.INVOKE], 1) == [Method.STREAM, Method.INVOKE]
    assert lanes_within(list(Method), None) == list(Method)


def test_summary_of_streams_alone_has_the_times_of_the_first_and_last_word() -> None:
    lanes = [lane(Method.STREAM, (0.3, "a"), (8.0, "b")), lane(Method.ASTREAM, (0.5, "a"), (8.1, "b"))]
    assert summary(lanes).endswith("the first word came after 0.3 s to 0.5 s, the last after 8.1 s.")


def test_a_stopped_lane_is_not_compared() -> None:
    stopped = lane(Method.INVOKE, (0.5, "Once"), status=Status.STOPPED)
    assert summary([stopped, lane(Method.STREAM, (0.3, "a"))]) == (
        "No result: the lane without streaming did not finish."
    )
    assert summary([lane(Method.STREAM, (0.3, "a"), status=Status.FAILED), lane(Method.INVOKE, (1.0, "a"))]) == (
        "No result: no streaming lane finished."
    )
    assert text_agreement([stopped, lane(Method.STREAM, (0.3, "a"))]) == ""


def test_text_agreement_counts_the_characters_that_are_the_same() -> None:
    same = [lane(Method.STREAM, (0.1, "abc")), lane(Method.INVOKE, (0.1, "ab"), (0.2, "c"))]
    assert text_agreement(same) == "All 2 texts are the same, to the character (3 characters)."
    different = [lane(Method.STREAM, (0.1, "abc")), lane(Method.INVOKE, (0.1, "abXc"))]
    assert text_agreement(different).startswith("The texts are the same for 2 characters")
    longer = [lane(Method.STREAM, (0.1, "abc")), lane(Method.INVOKE, (0.1, "abcd"))]
    assert text_agreement(longer).startswith("The texts are the same for 3 characters")


def test_models_race_where_one_method_ran_each_and_the_summary_names_the_winner() -> None:
    runs = [
        recorded(list(stream_events(*chunks)), status=Status.DONE)
        for chunks in (((0.4, "a"), (0.9, "b")), ((0.2, "c"), (1.5, "d")), ((0.3, "e"), (2.0, "f")))
    ]
    for run, name in zip(runs, ("one", "two", "three"), strict=True):
        run.context.update(method="astream", model=name)
    lanes = [lane.read() for lane in lanes_of(runs)]
    assert [lane.label for lane in lanes] == ["one", "two", "three"]
    assert summary(lanes) == (
        "two had the first word after 0.2 s (three 0.3 s, one 0.4 s); one ended first, after 0.9 s."
    )
    assert text_agreement(lanes) == ""
    runs[0].context["method"] = "invoke"
    assert [lane.model for lane in lanes_of(runs)] == ["", "", ""]

from weir.analysis.run_trends import MAX_BUCKETS, trend


def test_runs_without_the_figure_do_not_count() -> None:
    assert trend([]) is None
    assert trend([(1.0, None)]) is None
    one = trend([(1.0, None), (5.0, 0.3)])
    assert one is not None
    assert (one.p50, one.p95, one.runs, len(one.points)) == (0.3, 0.3, 1, 1)


def test_percentiles_are_those_of_all_runs() -> None:
    hundred = trend((float(number), number / 100) for number in range(101))
    assert hundred is not None
    assert (hundred.p50, hundred.p95, hundred.runs) == (0.5, 0.95, 101)


def test_a_change_shows_over_time_and_empty_spans_have_no_point() -> None:
    quick = [(float(second), 0.1) for second in range(100)]
    slow = [(10_000.0 + second, 0.9) for second in range(100)]
    change = trend([*slow, *quick])
    assert change is not None
    assert [(point.at, point.p50, point.runs) for point in change.points] == [(0.0, 0.1, 100), (10_000.0, 0.9, 100)]


def test_a_chart_has_a_bounded_number_of_points() -> None:
    many = trend((float(number), 1.0) for number in range(10_000))
    assert many is not None
    assert len(many.points) == MAX_BUCKETS
    assert sum(point.runs for point in many.points) == 10_000


def test_runs_of_one_moment_are_one_point() -> None:
    same = trend([(7.0, 1.0), (7.0, 3.0)])
    assert same is not None
    assert [point.runs for point in same.points] == [2]

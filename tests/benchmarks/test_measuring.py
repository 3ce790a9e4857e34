import time
from functools import partial

import pytest

from benchmarks.measuring import (
    Elapsed,
    interleaved,
    markdown_table,
    median_range,
    now_of_children,
    run_module,
    summary,
    timed,
)
from lradapt.errors import LradaptError


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ([2.0], "2.0"),
        ([3.0, 1.0, 2.5], "2.5 (1.0 to 3.0)"),
        ([4.0, None, None], "4.0; never with 2 of 3 seeds"),
        ([None, None], "never"),
    ],
)
def test_a_median_has_its_range_and_the_missing_values(values, text):
    assert median_range(values, ".1f") == text


def test_measures_are_called_in_turns():
    order = []
    found = interleaved({name: partial(order.append, name) for name in "ab"}, 2)
    assert order == ["a", "b", "a", "b"]
    assert found == {"a": [None, None], "b": [None, None]}


def test_sleeping_takes_no_seconds_of_the_cpu():
    for clock in ({}, {"clock": now_of_children}):
        spent = timed(lambda: time.sleep(0.05), **clock)
        assert spent.seconds >= 0.05 > spent.cpu_seconds


def test_a_summary_has_both_clocks_and_the_repeats():
    text = summary("work", [Elapsed(1.0, 0.5), Elapsed(3.0, 1.5)])
    assert text.startswith("work: 2.00 (1.00 to 3.00) s, CPU 1.00 (0.50 to 1.50) s; 2 repeats, ")


def test_a_table_has_its_titles_first():
    assert markdown_table([["a", "b"], ["1", "2"]]) == "| a | b |\n| --- | --- |\n| 1 | 2 |"


@pytest.mark.long
@pytest.mark.slow
def test_a_process_that_fails_ends_with_its_error_output():
    assert run_module("json.tool", "--help", threads=1).startswith("usage")
    with pytest.raises(LradaptError, match=r"json.tool nowhere failed:\n(.|\n)*No such file"):
        run_module("json.tool", "nowhere", threads=1)

import pytest

from lradapt.runtime.costs import Phase, Price, as_markdown, phases, total_seconds

EURO = Price(3.6, "EUR")
DONE = [Phase("split", 10, 12, False), Phase("finetune", 250, 480.04, True)]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (1000, "1.00 EUR"),
        (100, "0.10 EUR"),
        (3.5, "0.004 EUR"),
        (0.9, "under 0.001 EUR"),
        (0, "0.000 EUR"),
    ],
)
def test_an_amount_has_the_digits_that_matter(seconds, text):
    assert EURO.of(seconds) == text


def test_a_phase_with_the_same_figures_as_before_did_not_run():
    previous = {"split": {"seconds": 1, "cpu_seconds": 2}, "head": {"seconds": 1, "cpu_seconds": 2}}
    now = {**previous, "head": {"seconds": 1, "cpu_seconds": 3}}
    assert [(each.name, each.ran) for each in phases(now, previous)] == [
        ("split", False),
        ("head", True),
    ]
    assert all(each.ran for each in phases(now, {}))


def test_a_phase_that_did_not_run_costs_nothing():
    assert total_seconds(DONE) == 250


def test_the_table_has_a_row_for_each_phase_and_the_total():
    assert as_markdown(DONE, EURO).splitlines() == [
        "| phase | seconds | CPU seconds | cost |",
        "| --- | --: | --: | --: |",
        "| split | up to date |  |  |",
        "| finetune | 250.0 | 480.0 | 0.25 EUR |",
        "| **total** | 250.0 | 480.0 | 0.25 EUR |",
    ]


def test_without_a_price_the_table_has_no_costs():
    assert as_markdown(DONE, None).splitlines() == [
        "| phase | seconds | CPU seconds |",
        "| --- | --: | --: |",
        "| split | up to date |  |",
        "| finetune | 250.0 | 480.0 |",
        "| **total** | 250.0 | 480.0 |",
    ]

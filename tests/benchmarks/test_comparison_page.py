"""docs/comparison.md has the tables of the runs that lie in benchmarks/runs/."""

import pytest

from benchmarks.comparison_page import PAGE, RUNS, main, read_sets, with_tables
from lradapt.errors import LradaptError
from tests.projects import ROOT

SETS = read_sets(ROOT / RUNS)


def test_the_page_is_that_of_these_runs():
    text = (ROOT / PAGE).read_text(encoding="utf-8")
    assert SETS, "nothing was measured: the test would pass without checking anything"
    assert with_tables(text, SETS) == text, "write it with: python -m benchmarks.comparison_page"
    for name in SETS:
        assert f"benchmarks/runs/{name}" in text


def test_each_run_has_the_name_of_its_seed_network_and_arm():
    for name, runs in SETS.items():
        expected = {
            f"{run['seed']}-{run['architecture'].rpartition('/')[2]}-{run['arm']}.json"
            for run in runs
        }
        found = {path.name for path in (ROOT / RUNS / name).iterdir()}
        assert found == expected


def test_the_runs_of_a_set_are_on_the_same_images():
    for runs in SETS.values():
        assert len({tuple(run["images"].items()) for run in runs}) == 1
        assert len({run["final"]["images"] for run in runs}) == 1


def test_the_program_writes_the_tables_into_a_page(tmp_path):
    places = "".join(f"<!-- {name}: begin -->\n<!-- {name}: end -->\n" for name in SETS)
    page = tmp_path / "page.md"
    page.write_text(f"# Title\n\n{places}")
    main(ROOT / RUNS, page)
    assert page.read_text().startswith("# Title\n")
    assert page.read_text().count("### Table 2: the scheme") == len(SETS)


def test_a_page_without_a_place_for_a_set_is_refused():
    with pytest.raises(LradaptError, match="once each, in this order"):
        with_tables("# Title\n", SETS)

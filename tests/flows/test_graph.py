from pathlib import Path

import pytest

from tasks.graph import _overlaps, read_graph, read_plan, read_status, unversioned_sources
from tests.projects import dvc, run

pytestmark = pytest.mark.slow


def plan():
    return [(node.address, node.stale) for node in read_plan.fn("dvc.yaml")]


def test_each_node_comes_after_what_it_needs(chain):
    dvc(chain, "add", "source.txt", "notes.txt")
    order = [address for address, _ in plan()]
    assert sorted(order) == ["copy", "count", "notes.txt.dvc", "source.txt.dvc", "upper"]
    assert order.index("source.txt.dvc") < order.index("upper") < order.index("count")


def test_what_has_changed_is_stale_with_all_below_it(chain):
    dvc(chain, "add", "source.txt", "notes.txt")
    dvc(chain, "repro")
    assert not any(stale for _, stale in plan())
    (chain / "source.txt").write_text("c\n")
    stale = {address for address, is_stale in plan() if is_stale}
    assert stale == {"source.txt.dvc", "upper", "count"}


def test_meta_of_dvc_yaml_comes_with_the_node(chain):
    assert {node.address: node.meta for node in read_plan.fn("dvc.yaml")} == {
        "upper": {"retries": 2},
        "count": {},
        "copy": {},
    }


def test_a_stage_added_to_dvc_yaml_is_a_node(chain):
    text = (chain / "dvc.yaml").read_text()
    more = "  twice: {cmd: cp count.txt twice.txt, deps: [count.txt], outs: [twice.txt]}\n"
    (chain / "dvc.yaml").write_text(text + more)
    assert ("twice", True) in plan()
    assert list(read_graph("dvc.yaml").predecessors("twice")) == ["count"]


def test_sources_are_the_data_that_nothing_makes_or_versions(chain):
    assert unversioned_sources("dvc.yaml") == ["notes.txt", "source.txt"]  # code.py is git's
    dvc(chain, "add", "source.txt")
    assert unversioned_sources("dvc.yaml") == ["notes.txt"]


def test_status_that_fails_says_why(chain):
    (chain / "dvc.yaml").write_text("stages: [broken\n")
    with pytest.raises(RuntimeError, match=r"dvc status failed"):
        read_status("dvc.yaml")


def test_nothing_is_ignored_outside_the_list_of_git(chain):
    (chain / ".gitignore").write_text("")
    assert unversioned_sources("dvc.yaml") == []
    assert run(chain, "git", "status", "--short").stdout


def test_another_dvc_yaml_brings_what_it_needs_and_no_more(chain):
    (chain / "more").mkdir()
    (chain / "more/dvc.yaml").write_text(
        "stages:\n"
        "  twice: {wdir: .., cmd: cp count.txt twice.txt, deps: [count.txt], outs: [twice.txt]}\n"
    )
    assert "twice.txt" not in str(plan()), "the first dvc.yaml must not drive the second's stages"
    nodes = [(node.address, node.stale) for node in read_plan.fn("more/dvc.yaml")]
    assert nodes == [("upper", True), ("count", True), ("more/dvc.yaml:twice", True)]
    assert unversioned_sources("more/dvc.yaml") == ["source.txt"]  # copy needs notes.txt


@pytest.mark.parametrize(
    ("path", "overlaps"),
    [
        ("/p/made", True),
        ("/p/made/deep/file", True),
        ("/p/all", True),
        ("/p", True),
        ("/p/made.csv", False),
        ("/p/all/two", False),
        ("/p/source", False),
    ],
)
def test_a_path_overlaps_what_is_made_around_or_below_it(path, overlaps):
    assert _overlaps(Path(path), {Path("/p/made"), Path("/p/all/one")}) is overlaps


def test_a_folder_in_which_stages_write_is_no_source(chain):
    stages = (
        "  each: {cmd: mkdir -p all && cp count.txt all/one.txt, deps: [count.txt],"
        " outs: [all/one.txt]}\n"
        "  gather: {cmd: cat all/* > gathered.txt, deps: [all], outs: [gathered.txt]}\n"
    )
    (chain / "dvc.yaml").write_text((chain / "dvc.yaml").read_text() + stages)
    (chain / ".gitignore").write_text("*.txt\nall\n")
    assert unversioned_sources("dvc.yaml") == ["notes.txt", "source.txt"]

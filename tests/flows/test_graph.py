"""DVC's graph, which of its nodes are stale, and why."""

import os
from pathlib import Path

import pytest

from lradapt.errors import LradaptError
from tasks import stages
from tasks.pipeline.dvc_index import read_stages
from tasks.pipeline.graph import overlaps, read_graph
from tasks.pipeline.plan import changes, read_plan, trust_times
from tasks.pipeline.sources import unversioned_sources
from tests.projects import dvc, run

pytestmark = pytest.mark.slow


def plan():
    return [(node.address, node.stale) for node in read_plan.fn("dvc.yaml")]


@pytest.mark.usefixtures("reproduced")
def test_each_node_comes_after_what_it_needs():
    order = [address for address, _ in plan()]
    assert sorted(order) == ["copy", "count", "notes.txt.dvc", "source.txt.dvc", "upper"]
    assert order.index("source.txt.dvc") < order.index("upper") < order.index("count")


def test_what_has_changed_is_stale_with_all_below_it(reproduced):
    assert not any(stale for _, stale in plan())
    (reproduced / "source.txt").write_text("c\n")
    stale = {address for address, is_stale in plan() if is_stale}
    assert stale == {"source.txt.dvc", "upper", "count"}


def replaced(path, text):
    """Write another text of the same length into a file, which keeps inode, size and time."""
    before = path.stat()
    with path.open("r+") as file:
        file.write(text)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_size == before.st_size


def test_a_source_replaced_under_its_former_time_and_size_is_stale(reproduced):
    assert not any(stale for _, stale in plan())
    replaced(reproduced / "source.txt", "c\nd\n")
    stale = {address for address, is_stale in plan() if is_stale}
    assert stale == {"source.txt.dvc", "upper", "count"}
    stages.reproduce.fn("source.txt.dvc")
    stages.reproduce.fn("upper")
    assert (reproduced / "upper.txt").read_text() == "C\nD\n"


def test_a_file_of_a_folder_is_read_again_by_a_full_check_alone(chain):
    (chain / "folder.txt").mkdir()
    (chain / "folder.txt/a").write_text("a")
    (chain / "dvc.yaml").write_text(
        "stages: {list: {cmd: cat folder.txt/a > list.txt, deps: [folder.txt], outs: [list.txt]}}"
    )
    dvc(chain, "add", "folder.txt")
    dvc(chain, "repro")
    assert not any(stale for _, stale in plan())
    replaced(chain / "folder.txt/a", "b")
    replaced(chain / "list.txt", "c")
    assert not any(stale for _, stale in plan()), "DVC now sees it: say so in the documents"
    trust_times.fn(full_check=False)
    assert not any(stale for _, stale in plan())
    trust_times.fn(full_check=True)
    assert dict(plan()) == {"folder.txt.dvc": True, "list": True}
    assert (
        "list.txt is modified"
        in next(n for n in read_plan.fn("dvc.yaml") if n.address == "list").reasons
    )


def test_meta_of_dvc_yaml_comes_with_the_node(chain):
    assert {node.address: node.meta for node in read_plan.fn("dvc.yaml")} == {
        "upper": {"retries": 2},
        "count": {},
        "copy": {},
    }


def test_sources_are_the_data_that_nothing_makes_or_versions(chain):
    assert unversioned_sources("dvc.yaml", read_stages()) == [
        "notes.txt",
        "source.txt",
    ]  # code.py is git's
    dvc(chain, "add", "source.txt")
    assert unversioned_sources("dvc.yaml", read_stages()) == ["notes.txt"]


def test_nothing_is_ignored_outside_the_list_of_git(chain):
    (chain / ".gitignore").write_text("")
    assert unversioned_sources("dvc.yaml", read_stages()) == []
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
    assert unversioned_sources("more/dvc.yaml", read_stages()) == [
        "source.txt"
    ]  # copy needs notes.txt


@pytest.mark.parametrize(
    ("path", "expected"),
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
def test_a_path_overlaps_what_is_made_around_or_below_it(path, expected):
    assert overlaps(Path(path), {Path("/p/made"), Path("/p/all/one")}) is expected


def test_a_folder_in_which_stages_write_is_no_source(chain):
    stages = (
        "  each: {cmd: mkdir -p all && cp count.txt all/one.txt, deps: [count.txt],"
        " outs: [all/one.txt]}\n"
        "  gather: {cmd: cat all/* > gathered.txt, deps: [all], outs: [gathered.txt]}\n"
    )
    (chain / "dvc.yaml").write_text((chain / "dvc.yaml").read_text() + stages)
    (chain / ".gitignore").write_text("*.txt\nall\n")
    assert unversioned_sources("dvc.yaml", read_stages()) == ["notes.txt", "source.txt"]


def reasons():
    return {node.address: node.reasons for node in read_plan.fn("dvc.yaml")}


def test_a_stage_that_has_never_run_says_so(chain):
    dvc(chain, "add", "source.txt", "notes.txt")
    assert reasons() == {
        "notes.txt.dvc": (),
        "source.txt.dvc": (),
        "copy": ("it has not run yet",),
        "upper": ("it has not run yet",),
        "count": ("it has not run yet", "its input upper is stale"),
    }


def test_each_kind_of_change_is_a_reason_and_is_carried_downstream(reproduced):
    text = (reproduced / "dvc.yaml").read_text()
    text = text.replace("outs: [copy.txt]", "outs: [copy.txt], params: [rate.head, seed]")
    (reproduced / "dvc.yaml").write_text(text)
    (reproduced / "params.yaml").write_text("rate: {head: 1}\nseed: 0\n")
    dvc(reproduced, "repro", "copy")
    assert set(reasons().values()) == {()}
    (reproduced / "params.yaml").write_text("rate: {head: 2}\nseed: 0\n")
    (reproduced / "source.txt").write_text("c\n")
    (reproduced / "count.txt").unlink()
    (reproduced / "dvc.yaml").write_text(text.replace("tr a-z", "tr  a-z"))
    assert reasons() == {
        "notes.txt.dvc": (),
        "copy": ("rate.head in params.yaml is modified",),
        "source.txt.dvc": ("source.txt is modified",),
        "upper": (
            "source.txt is modified",
            "changed command",
            "its input source.txt.dvc is stale",
        ),
        "count": ("count.txt is deleted", "its input upper is stale"),
    }


def test_changed_code_is_named_file_by_file_and_its_own_stage_always_runs(chain):
    project = (
        "vars: [{path: {code: code.json}}]\nstages:\n"
        "  code: {cmd: python -m lradapt code, always_changed: true, outs: [code.json]}\n"
        "  sell: {cmd: echo > sold.txt, params: ['${path.code}': [shop.sell]], outs: [sold.txt]}\n"
        "  open: {cmd: echo > open.txt, params: ['${path.code}': [shop.till]], outs: [open.txt]}\n"
    )
    (chain / "dvc.yaml").write_text(project)
    (chain / "shop").mkdir()
    (chain / "shop/sell.py").write_text("import shop.price\nimport shop.till\n")
    for name in ("price", "till"):
        (chain / f"shop/{name}.py").write_text("")
    dvc(chain, "repro")
    assert reasons() == {"code": (), "sell": (), "open": ()}
    (chain / "shop/price.py").unlink()
    (chain / "shop/sell.py").write_text("import shop.stock\nimport shop.till\n")
    (chain / "shop/stock.py").write_text("")
    assert reasons() == {
        "code": ("code.json is modified",),
        "open": (),
        "sell": (
            "shop/price.py is gone",
            "shop/sell.py is modified",
            "shop/stock.py is new",
        ),
    }
    dvc(chain, "repro")
    assert set(reasons().values()) == {()}


def test_a_stage_that_always_runs_is_reported_in_words():
    assert list(changes(["always changed"])) == ["it runs every time"]


def test_other_internals_of_dvc_are_an_error_with_the_remedy(chain, monkeypatch):
    import dvc.repo

    monkeypatch.delattr(dvc.repo.Repo, "index")
    with pytest.raises(LradaptError, match=r"internals of DVC 3.*'index'.*install dvc 3\.67\.1"):
        plan()


def test_an_edge_of_the_plan_is_an_edge_of_dvcs(chain):
    text = (chain / "dvc.yaml").read_text()
    (chain / "dvc.yaml").write_text(
        text
        + "  many: {cmd: mkdir -p many && cp count.txt many/one, deps: [count.txt], outs: [many]}\n"
        "  inside: {cmd: cp many/one inside.txt, deps: [many/one], outs: [inside.txt]}\n"
        "  deep: {cmd: mkdir -p deep && cp copy.txt deep/made, deps: [copy.txt],"
        " outs: [deep/made]}\n"
        "  around: {cmd: cp deep/made around.txt, deps: [deep], outs: [around.txt]}\n"
    )
    from dvc.repo import Repo

    with Repo() as repo:
        theirs = {(b.addressing, a.addressing) for a, b in repo.index.graph.edges}
    assert ("many", "inside") in theirs
    assert ("deep", "around") in theirs
    assert set(read_graph("dvc.yaml").edges) == theirs

from dataclasses import replace

import pytest

from tasks.pipeline import graph
from tasks.pipeline.dvc_index import Stage
from tasks.remote.inputs import Needs, read_needs

IMAGES = Stage("data/images.dvc", "data/images.dvc", outs={"data/images": ""})
DECODE = Stage(
    "decode",
    "dvc.yaml",
    deps={"data/images": "", "code/decode.py": ""},
    outs={"pixels.npy": "", "table.csv": ""},
    params=frozenset({"params.yaml"}),
    unpushed=frozenset({"pixels.npy"}),
)
TRAIN = Stage(
    "train",
    "dvc.yaml",
    deps={"pixels.npy": "", "table.csv": "", "code": ""},
    outs={"model": ""},
    params=frozenset({"params.yaml"}),
)
OTHER = Stage("more/dvc.yaml:tell", "more/dvc.yaml", deps={"model/weights": ""}, outs={"told": ""})
OF_DECODE = Needs(
    "decode",
    code=("code/decode.py",),
    data=("data/images",),
    texts=("dvc.yaml", "dvc.lock", "data/images.dvc", "params.yaml"),
    unpushed=("pixels.npy",),
)
OF_TRAIN = Needs(
    "train",
    code=("code",),
    data=("table.csv",),
    texts=("dvc.yaml", "dvc.lock", "params.yaml"),
    unpushed=(),
)


@pytest.fixture
def known(monkeypatch):
    """A function that says which stages a project has."""
    return lambda *stages: monkeypatch.setattr(graph, "read_stages", lambda: list(stages))


def test_what_is_not_pushed_is_made_again_there_and_what_that_needs_comes_first(known):
    known(TRAIN, OTHER, DECODE, IMAGES)
    assert read_needs("decode") == [OF_DECODE]
    assert read_needs("train") == [OF_DECODE, OF_TRAIN]


def test_where_all_is_pushed_nothing_is_made_again(known):
    known(TRAIN, replace(DECODE, unpushed=frozenset()), IMAGES)
    assert read_needs("train") == [replace(OF_TRAIN, data=("pixels.npy", "table.csv"))]


def test_a_file_in_a_folder_that_a_stage_makes_comes_with_the_folder_and_two_locks_travel(known):
    known(TRAIN, OTHER, DECODE, IMAGES)
    (needs,) = read_needs("more/dvc.yaml:tell")
    assert needs.data == ("model",)
    assert needs.code == ()
    assert needs.texts == ("more/dvc.yaml", "more/dvc.lock", "dvc.yaml", "dvc.lock")

from dataclasses import replace
from pathlib import Path

import pytest

from tasks.pipeline.dvc_index import Stage
from tasks.remote import inputs
from tasks.remote.inputs import Needs, read_needs

IMAGES = Stage("data/images.dvc", "data/images.dvc", outs={"data/images": ""})
DECODE = Stage(
    "decode",
    "dvc.yaml",
    deps={"data/images": "", "code/decode.py": ""},
    outs={"pixels.npy": "", "table.csv": ""},
    params={"params.yaml": ("seed",)},
    unpushed=frozenset({"pixels.npy"}),
)
TRAIN = Stage(
    "train",
    "dvc.yaml",
    deps={"pixels.npy": "", "table.csv": "", "code": ""},
    outs={"model": ""},
    params={"params.yaml": ("seed",)},
)
OTHER = Stage(
    "more/dvc.yaml:tell", "more/dvc.yaml", deps={"model/weights": ""}, outs={"output": ""}
)
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
def known(tmp_path, monkeypatch):
    """A function that says which stages a project has."""
    monkeypatch.chdir(tmp_path)
    Path("dvc.yaml").write_text("vars: [{path: {code: code.json}}]\n")
    Path("more").mkdir()
    Path("more/dvc.yaml").write_text("")
    return lambda *stages: monkeypatch.setattr(inputs, "read_stages", lambda: list(stages))


def test_the_code_of_a_stage_is_what_its_module_uses_and_the_code_file_does_not_travel(known):
    stages = '{train: {cmd: train, params: ["${path.code}": [shop.train]]}}'
    Path("dvc.yaml").write_text(f"vars: [{{path: {{code: code.json}}}}]\nstages: {stages}\n")
    Path("shop").mkdir()
    Path("shop/train.py").write_text("import shop.loop\n")
    Path("shop/loop.py").write_text("")
    params = {"params.yaml": ("seed",), "code.json": ("shop.train",)}
    known(Stage("train", "dvc.yaml", outs={"model": ""}, params=params))
    (needs,) = read_needs("train")
    assert needs.code == ("shop/loop.py", "shop/train.py")
    assert needs.texts == ("dvc.yaml", "dvc.lock", "params.yaml")


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

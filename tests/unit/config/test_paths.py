from pathlib import Path

import pytest

from lradapt.config.paths import read_path_table, read_paths
from lradapt.errors import LradaptError

ROOT = Path(__file__).parents[3]


def read(tmp_path, text):
    path = tmp_path / "dvc.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_paths(path)


def test_the_path_table_is_found_among_other_variables(tmp_path):
    path = tmp_path / "dvc.yaml"
    path.write_text("vars:\n  - extra_paths.yaml\n  - run: go\n  - path:\n      images: a/b\n")
    assert read_path_table(path) == {"images": Path("a/b")}


def test_missing_and_unknown_paths_are_all_named(tmp_path):
    with pytest.raises(LradaptError, match=r"missing activations, .*split.*; unknown imagse; "):
        read(tmp_path, "vars:\n  - path:\n      imagse: data/images\n")


def test_paths_can_be_moved_into_a_folder():
    paths = read_paths(ROOT / "dvc.yaml")
    assert paths.below(Path("a")).labels == Path("a/data/labels.csv")
    assert paths.directly_in(Path("a")).labels == Path("a/labels.csv")


def test_every_path_of_this_project_is_relative_and_unique():
    paths = read_paths(ROOT / "dvc.yaml").as_dict()
    assert not any(path.is_absolute() for path in paths.values())
    assert len(set(paths.values())) == len(paths)


def test_outside_a_project_the_error_has_the_remedy(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(LradaptError, match=r"no dvc\.yaml: run from the folder that holds dvc"):
        read_paths()


@pytest.mark.parametrize(
    "text", ["", "5", "[]", "stages: {}", "vars: []", "vars: [{run: go}]", "vars: [{path: [a]}]"]
)
def test_a_file_without_a_path_table_is_an_error(tmp_path, text):
    with pytest.raises(LradaptError, match="no `vars` with a `path` table"):
        read(tmp_path, text)


@pytest.mark.parametrize("text", ["vars: [", b"vars: \xff", "vars: !!python/name:os.getcwd"])
def test_a_file_that_is_not_yaml_is_an_error(tmp_path, text):
    with pytest.raises(LradaptError, match=r"dvc\.yaml is not valid YAML: .+"):
        read(tmp_path, text)

import pytest
from pydantic import BaseModel, ConfigDict

from lradapt.config.params import load_params
from lradapt.config.yaml_schema import check, read_values
from lradapt.errors import ParamsError


class Kitchen(BaseModel):
    """A schema of a file that is not params.yaml."""

    model_config = ConfigDict(extra="forbid", strict=True)
    spoons: int
    size: tuple[int, int]


def test_values_that_fit_are_the_schemas_and_a_list_is_taken_for_a_tuple(tmp_path):
    assert check(Kitchen, {"spoons": 2, "size": [1, 2]}, tmp_path).size == (1, 2)


def test_every_fault_is_told_at_once_with_the_file_and_where_its_keys_are_explained(tmp_path):
    with pytest.raises(ParamsError) as caught:
        check(Kitchen, {"spoons": "two", "forks": 1}, tmp_path / "kitchen.yaml")
    first, *faults = str(caught.value).splitlines()
    assert "kitchen.yaml has 3 fault(s); " in first
    assert first.endswith("test_yaml_schema.py documents every key:")
    assert [fault.partition(":")[0] for fault in faults] == ["  - spoons", "  - size", "  - forks"]


def test_what_a_file_says_is_read_unchecked(tmp_path):
    path = tmp_path / "any.yaml"
    path.write_text("a: [1, x]")
    assert read_values(path) == {"a": [1, "x"]}


def test_broken_yaml_is_told_with_its_line(tmp_path):
    path = tmp_path / "params.yaml"
    path.write_text("seed: 0\ndata: [1,\n")
    with pytest.raises(ParamsError, match=r"(?s)params\.yaml is not valid YAML: .*line 3"):
        read_values(path)


def test_a_file_in_another_encoding_is_told(tmp_path):
    path = tmp_path / "params.yaml"
    path.write_bytes("seed: 0 # für".encode("latin-1"))
    with pytest.raises(ParamsError, match=r"params\.yaml is not valid YAML"):
        read_values(path)


def test_a_missing_file_is_answered_with_the_remedy(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ParamsError, match=r"no params\.yaml: run from the folder"):
        load_params()

import re

import pytest
import yaml
from ruamel.yaml import YAML

from lradapt.config import yaml_files
from lradapt.config.params_text import with_values
from lradapt.config.yaml_files import read_yaml
from lradapt.errors import ParamsError


@pytest.fixture
def read(tmp_path):
    """A function that reads a text, or bytes, as any.yaml."""

    def written(content):
        path = tmp_path / "any.yaml"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_yaml(path)

    return written


def test_values_are_read_without_validation(read):
    assert read("a: [1, x]") == {"a": [1, "x"]}


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("a: b: c", "line 1, column 5: mapping values are not allowed here"),
        (
            "seed: 0\nrates: [1",
            "line 2, column 10: while parsing a flow sequence expected ',' or ']', but got "
            "'<stream end>'",
        ),
        ("a: \x00", "unacceptable character"),
        (b"seed: 0 # f\xfcr", "can't decode byte 0xfc"),
    ],
)
def test_the_error_of_a_file_that_is_not_yaml_has_the_place_and_the_fault(read, content, fault):
    with pytest.raises(ParamsError, match=rf"any\.yaml is not valid YAML: .*{re.escape(fault)}"):
        read(content)


def test_the_error_of_a_missing_file_has_the_remedy(tmp_path):
    path = tmp_path / "any.yaml"
    with pytest.raises(ParamsError) as caught:
        read_yaml(path)
    assert str(caught.value) == f"no {path}: run from the folder that holds any.yaml"
    assert isinstance(caught.value.__cause__, FileNotFoundError)


NAMES = [
    *("yes", "no", "on", "off", "y", "Yes", "NO", "true", "True", "FALSE"),
    *("null", "Null", "~", "7", "007", "0o17", "017", "0x1F", "1_000", "1e3", ".5", "1.0", "-1"),
    *(".inf", ".NaN", "12:30", "190:20:30", "2024-01-01", "2001-12-14 21:59:43", "=", "bear cub"),
]


@pytest.mark.parametrize("name", NAMES)
def test_a_key_is_text_exactly_as_written(read, name):
    assert read(f"a: {{{name}: 0.5}}") == {"a": {name: 0.5}}
    assert read(f"a:\n  {name}: 0.5\n") == {"a": {name: 0.5}}
    assert read(f'"{name}": 0.5') == {name: 0.5}


def test_values_keep_their_types():
    text = "{a: yes, b: 007, c: null, d: [1.5, ~], e: '7', f: 2024-01-01}"
    assert yaml_files._parse(text) == yaml.safe_load(text)


def test_a_merged_mapping_is_merged(read):
    assert read("a: &a {7: 1}\nb: {<<: *a, no: 2}") == {"a": {"7": 1}, "b": {"7": 1, "no": 2}}


def test_a_key_that_stands_twice_is_refused_with_both_lines(read):
    with pytest.raises(ParamsError, match="line 2, column 1: the key 'a' is also in line 1"):
        read("a: 1\na: 2")


@pytest.mark.parametrize("value", [1e-07, 3e-05, 1.5e-4, 10.0, 1e22, 0.1])
def test_a_number_that_is_written_is_read_as_that_number(tmp_path, value):
    path = tmp_path / "any.yaml"
    path.write_text(with_values("a: {b: 1, c: [1, 2]}\n", {"a": {"b": value, "c": [value, 1]}}))
    assert read_yaml(path) == {"a": {"b": value, "c": [value, 1]}}
    assert YAML(typ="safe").load(path) == {"a": {"b": value, "c": [value, 1]}}

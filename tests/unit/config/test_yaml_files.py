import re

import pytest

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

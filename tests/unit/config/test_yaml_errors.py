import pytest
import yaml

from lradapt.config.yaml_errors import told


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: b: c", "line 1, column 5: mapping values are not allowed here"),
        (
            "seed: 0\nrates: [1",
            "line 2, column 10: while parsing a flow sequence expected ',' or ']', but got "
            "'<stream end>'",
        ),
    ],
)
def test_a_fault_is_one_line_with_its_place(text, says):
    with pytest.raises(yaml.YAMLError) as fault:
        yaml.safe_load(text)
    assert told(fault.value) == says


def test_a_character_that_yaml_does_not_know_is_told_as_such():
    with pytest.raises(yaml.YAMLError) as fault:
        yaml.safe_load("a: \x00")
    assert "unacceptable character" in told(fault.value)


def test_text_that_is_no_utf_8_is_told_as_such():
    with pytest.raises(UnicodeDecodeError) as fault:
        b"a: \xe9".decode("utf-8")
    assert "can't decode byte 0xe9" in told(fault.value)

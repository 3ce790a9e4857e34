import pytest

from lradapt.tracking.names import accepted, flat


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("recall/Müll (alt)", "recall/Müll _alt_"),
        ("a.b-c_d 1", "a.b-c_d 1"),
        ("a:b\n", "a_b_"),
        ("x" * 300, "x" * 200),
    ],
)
def test_letters_that_a_tracker_refuses_are_replaced(name, expected):
    assert accepted([name]) == {name: expected}


def test_different_names_stay_different():
    assert accepted(["a?", "a!", "a_", "a_2"]) == {
        "a?": "a_",
        "a!": "a__2",
        "a_": "a__3",
        "a_2": "a_2",
    }


def test_nested_values_have_the_keys_of_params_yaml():
    values = {"seed": 0, "gate": {"margin": 0.02, "min_recall": {"a": 0.7}, "renamed": {}}}
    assert flat(values) == {
        "seed": 0,
        "gate.margin": 0.02,
        "gate.min_recall.a": 0.7,
        "gate.renamed": {},
    }

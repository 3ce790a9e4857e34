"""What an import may change in params.yaml: what a person has not changed."""

from pathlib import Path

import pytest

from lradapt.config.import_choices import (
    Decision,
    ParamChoice,
    changes_of,
    decide,
    latest,
    may_change,
    with_decisions,
    write_decisions,
)
from lradapt.config.params import load_params
from lradapt.config.yaml_files import read_yaml
from lradapt.errors import ParamsError

SHIPPED = (Path(__file__).parents[3] / "params.yaml").read_text()
SIZE = ParamChoice("data.input_size", 160, "they are large")
IMBALANCE = ParamChoice("imbalance", "class_weights", "they differ")
MEAN = ParamChoice("data.mean", [0.5, 0.25, 0.125], "trained with it")


@pytest.fixture
def params(tmp_path):
    """The params.yaml that lradapt ships."""
    path = tmp_path / "params.yaml"
    path.write_text(SHIPPED)
    return path


def write(path, *choices, keep=False):
    values = read_yaml(path)
    decisions = decide(values, choices, keep=keep)
    write_decisions(path, values, decisions)
    return [decision.state for decision in decisions]


def other_lines(before, after):
    """The lines of two texts that differ."""
    pairs = zip(before.splitlines(), after.splitlines(), strict=True)
    return [(old, new) for old, new in pairs if old != new]


def test_only_the_lines_of_the_choices_and_of_the_record_change(params):
    assert write(params, SIZE, MEAN, IMBALANCE) == ["changed"] * 3
    weights = "# none, class_weights, balanced_sampling or logit_adjustment"
    assert other_lines(SHIPPED, params.read_text()) == [
        ("  input_size: 24", "  input_size: 160"),
        ("  mean: [0.485, 0.456, 0.406]", "  mean: [0.5, 0.25, 0.125]"),
        (f"imbalance: none {weights}", f"imbalance: class_weights {weights}"),
        ("  data.input_size: 24", "  data.input_size: 160"),
        ("  data.mean: [0.485, 0.456, 0.406]", "  data.mean: [0.5, 0.25, 0.125]"),
        ("  imbalance: none", "  imbalance: class_weights"),
    ]
    assert load_params(params).data.mean == (0.5, 0.25, 0.125)


def test_a_second_import_chooses_again_what_the_first_has_chosen(params):
    write(params, SIZE, MEAN, IMBALANCE)
    back = [
        ParamChoice(key, value, "small")
        for key, value in (
            ("data.input_size", 24),
            ("data.mean", [0.485, 0.456, 0.406]),
            ("imbalance", "none"),
        )
    ]
    assert write(params, *back) == ["changed"] * 3
    assert params.read_text() == SHIPPED


@pytest.mark.parametrize("imported_before", [False, True])
def test_a_value_that_a_person_has_changed_stays(params, imported_before):
    if imported_before:
        write(params, SIZE)
    text = params.read_text().replace("\n  input_size: ", "\n  input_size: 9", 1)
    params.write_text(text)
    assert write(params, SIZE) == ["yours"]
    assert params.read_text() == text


def test_a_value_without_an_entry_is_a_persons(params):
    params.write_text(SHIPPED.replace("  data.input_size: 24\n", ""))
    assert write(params, SIZE, MEAN) == ["yours", "changed"]
    assert load_params(params).data.input_size == 24


def test_without_the_record_all_values_are_a_persons(params):
    older = SHIPPED[: SHIPPED.index("chosen_by_import")]
    params.write_text(older)
    assert write(params, SIZE, MEAN, IMBALANCE) == ["yours"] * 3
    assert params.read_text() == older


def test_a_value_that_is_there_already_is_not_written(params):
    before = params.stat().st_mtime_ns, params.stat().st_ino
    assert write(params, ParamChoice("data.input_size", 24, "small")) == ["same"]
    assert (params.stat().st_mtime_ns, params.stat().st_ino) == before


def test_on_request_nothing_changes(params):
    assert write(params, SIZE, MEAN, keep=True) == ["kept", "kept"]
    assert params.read_text() == SHIPPED


def test_values_that_are_not_valid_together_are_not_written(params):
    with pytest.raises(ParamsError, match=r"data\.input_size"):
        write(params, MEAN, ParamChoice("data.input_size", 4, "too small"))
    assert params.read_text() == SHIPPED


def test_a_choice_for_a_key_that_does_not_exist_is_an_error(params):
    with pytest.raises(KeyError, match="no_such"):
        write(params, ParamChoice("data.no_such", 4, ""))


def test_the_present_value_is_the_chosen_one_only_where_it_was_written():
    states = {"same": 1, "changed": 2, "yours": 1, "kept": 1}
    for state, present in states.items():
        assert Decision("seed", 1, 2, state, "").present == present


def test_later_choices_see_the_earlier_ones(params):
    values = read_yaml(params)
    decisions = decide(values, [SIZE], keep=False)
    after = with_decisions(values, decisions)
    assert after["data"]["input_size"] == 160
    assert after["data"]["fit"] == "crop"
    assert may_change(after, "data.input_size")
    assert values["data"]["input_size"] == 24


def test_changes_have_the_record(params):
    assert changes_of(decide(read_yaml(params), [SIZE, IMBALANCE], keep=False)) == {
        "data": {"input_size": 160},
        "imbalance": "class_weights",
        "chosen_by_import": {"data.input_size": 160, "imbalance": "class_weights"},
    }


@pytest.mark.parametrize(
    ("decision", "text"),
    [
        (Decision("seed", False, "", "changed", "why"), 'seed: false -> "": why'),
        (Decision("seed", None, None, "same", "why"), "seed: null: why"),
        (
            Decision("seed", 1, 2, "yours", "why"),
            "seed stays 1 (as params.yaml has it); suggested is 2: why",
        ),
        (
            Decision("seed", 1, 2, "kept", "why"),
            "seed stays 1 (--keep-params); suggested is 2: why",
        ),
    ],
)
def test_decisions_are_sentences(decision, text):
    assert str(decision) == text


def test_the_record_that_is_shipped_has_the_shipped_values(params):
    record = load_params(params).chosen_by_import
    assert record
    assert all(may_change(read_yaml(params), key) for key in record)


def test_a_record_of_unknown_keys_is_a_fault(params):
    params.write_text(SHIPPED + "  data.no_such: 1\n  seed.deep: 2\n")
    with pytest.raises(ParamsError, match=r"do not exist: data\.no_such, seed\.deep"):
        load_params(params)


@pytest.mark.parametrize(
    ("second", "before", "state"),
    [(64, 24, "changed"), (160, 24, "changed"), (24, 24, "same")],
)
def test_of_two_decisions_on_a_value_the_last_counts(params, second, before, state):
    values = read_yaml(params)
    first = decide(values, [SIZE, IMBALANCE], keep=False)
    changed = with_decisions(values, first)
    last = decide(changed, [ParamChoice(SIZE.key, second, "measured")], keep=False)
    size, other = latest([*first, *last])
    assert size == Decision(SIZE.key, before, second, state, "measured")
    assert other == first[1]


def test_what_a_person_has_set_or_kept_stays_so(params):
    params.write_text(SHIPPED.replace("input_size: 24\n  fit", "input_size: 32\n  fit"))
    values = read_yaml(params)
    decisions = [*decide(values, [SIZE], keep=False), *decide(values, [IMBALANCE], keep=True)]
    assert [each.state for each in latest(decisions)] == ["yours", "kept"]
    assert latest(decisions) == decisions

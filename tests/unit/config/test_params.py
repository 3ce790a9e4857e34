import copy
from dataclasses import asdict
from pathlib import Path

import pytest
import yaml

from lradapt.config.params import load_params
from lradapt.config.params_text import require_read_by_dvc
from lradapt.errors import ParamsError

ROOT = Path(__file__).parents[3]
GOOD = yaml.safe_load((ROOT / "params.yaml").read_text())


@pytest.fixture
def load(tmp_path):
    """A function that loads values, or a text, as params.yaml."""

    def read(content):
        path = tmp_path / "params.yaml"
        text = content if isinstance(content, str) else yaml.safe_dump(content)
        path.write_text(text, encoding="utf-8")
        return load_params(path)

    return read


@pytest.fixture
def faults(load):
    """A function: the lines about faults of values."""

    def read(content):
        with pytest.raises(ParamsError) as caught:
            load(content)
        return [line[4:] for line in str(caught.value).splitlines()[1:]]

    return read


def changed(**values):
    """The good values with some changed: `section__key=value`; `...` removes the key."""
    params = copy.deepcopy(GOOD)
    for place, value in values.items():
        *sections, key = place.split("__")
        where = params
        for section in sections:
            where = where[section]
        if value is ...:
            del where[key]
        else:
            where[key] = value
    return params


def test_the_params_of_this_project_are_read_as_they_stand(load):
    params = load(GOOD)
    assert params.model_dump(mode="json") == GOOD
    assert params.data.mean == (0.485, 0.456, 0.406)


def test_params_cannot_be_changed(load):
    with pytest.raises(ValueError, match="frozen"):
        load(GOOD).seed = 1


def test_an_integer_is_accepted_for_a_float(load):
    assert load(changed(find_lr__end_lr=10)).find_lr.end_lr == 10.0


def test_all_faults_are_reported_together_with_place_and_bound(faults):
    wrong = changed(seed=-1, data__input_size=4, split__validation_share=1.0, train_head__l2=...)
    assert faults(wrong) == [
        "seed: Input should be greater than or equal to 0, got -1",
        "data.input_size: Input should be greater than or equal to 8, got 4",
        "split.validation_share: Input should be less than 1, got 1.0",
        "train_head.l2: missing",
    ]


def test_a_warm_start_needs_given_rates(load, faults):
    assert load(changed(finetune__start="champion")).finetune.start == "champion"
    wrong = changed(finetune__start="champion", body_rates__source="found")
    assert faults(wrong) == [
        "the file: finetune.start is champion, so body_rates.source must be given (got found): the "
        "range test uses the backbone"
    ]


def test_every_key_is_required(load):
    values = {key: value for key, value in GOOD.items() if key != "chosen_by_import"}  # a record
    sections = {key: value for key, value in values.items() if isinstance(value, dict)}
    places = [f"{section}__{key}" for section, keys in sections.items() for key in keys]
    for place in [*values, *places]:
        with pytest.raises(ParamsError, match=f"{place.replace('__', '.')}: missing"):
            load(changed(**{place: ...}))


@pytest.mark.parametrize(
    ("place", "name"),
    [("turbo", "turbo"), ("finetune__warmup", "finetune.warmup"), ("data__Mean", "data.Mean")],
)
def test_an_unknown_key_is_named(faults, place, name):
    assert faults(changed(**{place: 1})) == [f"{name}: unknown key; remove it or correct its name"]


def test_the_error_of_an_unknown_architecture_lists_the_known_ones(faults):
    (fault,) = faults(changed(model__architecture="resnet19"))
    assert fault.startswith("model: the layers of 'resnet19' are not known; name them in model.l")
    assert "densenet161" in fault


def test_a_network_with_named_layers_is_accepted(load):
    layers = {"head": "classifier.2", "early": "^a", "late": "^b"}
    params = load(
        changed(model={"architecture": "convnext_tiny", "layers": layers, "reads": "last"})
    )
    assert params.model.network.name == "convnext_tiny"
    assert [group.pattern for group in params.model.network.groups] == [
        "^a",
        "^b",
        r"^classifier\.2\.",
    ]


def test_an_unknown_timm_network_is_reported_with_the_nearest_names(faults):
    (fault,) = faults(changed(model__architecture="timm/tf_eficientnet_lite0"))
    assert fault.startswith("model: timm has no network 'tf_eficientnet_lite0'; the nearest names:")
    assert "tf_efficientnet_lite0, " in fault


def test_the_head_reads_the_last_layer_or_the_stages_too(load):
    assert load(changed(model__reads="last")).model.network.taps == ()
    stages = load(changed(model__reads="stages")).model.network.taps
    assert stages == ("layer1", "layer2", "layer3")


def test_the_head_reads_the_deviations_of_the_stages_too(load):
    read = {each: load(changed(model__reads=each)).model.network for each in ("stages", "moments")}
    assert [network.deviations for network in read.values()] == [False, True]
    assert read["moments"].taps == read["stages"].taps


def test_an_invalid_regular_expression_is_reported(faults):
    layers = {"head": "fc", "early": "(", "late": "b"}
    (fault,) = faults(
        changed(model={"architecture": "resnet18", "layers": layers, "reads": "last"})
    )
    assert fault.startswith("model.layers.early: '(' is not a regular expression")


def test_two_mechanisms_against_imbalance_are_refused(faults):
    two = ["class_weights", "balanced_sampling"]
    assert faults(changed(imbalance=two)) == [
        "imbalance: expected one mechanism, got 2; two would correct for the classes twice"
    ]


def test_the_rate_of_the_early_and_the_late_layers_may_be_zero(load):
    assert load(changed(body_rates__rates=[0, 0.0, 1e-2])).body_rates.rates == (0, 0, 1e-2)


def test_the_params_of_the_gate_become_its_rules(load):
    given = {
        "min_recall": {"cat": 0.7},
        "min_recall_in": {"site": {"Wien": {"cat": 0.6}}},
        "renamed": {"puss": "cat", "owl": None},
    }
    rules = load(changed(gate={**GOOD["gate"], **given})).gate.rules
    assert asdict(rules) == {**GOOD["gate"], **given}


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("seed", 2**31),
        ("seed", 1.5),
        ("seed", True),
        ("data__input_size", 1025),
        ("data__max_megapixels", 90),
        ("data__mean", [0.5, 0.5]),
        ("data__deviation", [0.2, 0.2, 0]),
        ("split__train_per_test", 0.5),
        ("engine__threads", 0),
        ("engine__device", "tpu"),
        ("augment__max_shift", 1.1),
        ("augment__max_zoom", 0.9),
        ("augment__vertical_flip", 1),
        ("find_lr__num_steps", 19),
        ("train_head__momentum", 1),
        ("train_head__batch_size", 1),
        ("body_rates__rates", [1e-4, 1e-3]),
        ("body_rates__rates", [-1e-4, 1e-3, 1e-2]),
        ("body_rates__rates", [0, 1e-3, 0]),
        ("finetune__num_cycles", 13),
        ("finetune__processes", 0),
        ("evaluate__max_parity_difference", 0),
        ("gate__policy", "better"),
        ("gate__margin", 0),
        ("gate__confidence", 0.5),
        ("gate__num_resamples", 999),
        ("gate__min_class_images", -1),
        ("gate__max_recall_drop", 0),
        ("gate__min_floor_images", 0),
        ("gate__min_recall", {"cat": 1.5}),
        ("gate__min_recall_in", {"site": {"cat": 0.5}}),
        ("gate__min_recall_in", {"group": {"1": {"cat": 0.5}}}),
        ("evaluate__slices", ["site", "site"]),
        ("evaluate__slices", ["label"]),
        ("evaluate__slices", [""]),
        ("gate__max_image_seconds", 0),
        ("gate__max_megabytes", -1),
        ("gate__renamed", {"cat": 5}),
        ("report__mistakes", -1),
        ("report__mistakes", 61),
        ("card__contact", None),
        ("data", 5),
        ("data", None),
    ],
)
def test_a_value_out_of_bounds_is_one_fault_at_its_place(faults, place, value):
    (fault,) = faults(changed(**{place: value}))
    assert fault.startswith(place.replace("__", "."))


def test_a_start_rate_above_the_end_rate_is_reported(faults):
    assert faults(changed(find_lr__start_lr=1.0, find_lr__end_lr=0.1)) == [
        "find_lr: start_lr 1.0 must be below end_lr 0.1"
    ]


@pytest.mark.parametrize("number", [".inf", ".nan"])
def test_infinity_and_nan_are_refused(faults, number):
    assert faults(changed(find_lr__end_lr=float(number[1:])))[0].startswith("find_lr.end_lr: ")
    assert faults(changed(data__mean=[float(number[1:]), 0, 0]))[0].startswith("data.mean.0: ")


@pytest.mark.parametrize("text", ["'0.001'", "1e-3"])
def test_the_error_of_a_number_that_yaml_reads_as_text_has_the_remedy(faults, text):
    content = yaml.safe_dump(GOOD).replace("min_gain: 0.002", f"min_gain: {text}")
    (fault,) = faults(content)
    assert fault.startswith("train_head.min_gain: Input should be a valid number, got")
    assert fault.endswith("(YAML reads it as text: remove the quotes, write 1e-4 as 1.0e-4)")


def test_a_date_in_place_of_a_number_is_a_fault(faults):
    content = yaml.safe_dump(GOOD).replace("seed: 0", "seed: 2026-01-01")
    assert faults(content)[0].startswith("seed: Input should be a valid integer")


@pytest.mark.parametrize(
    ("text", "got"), [("", "None"), ("[1, 2]", "[1, 2]"), ("5", "5"), ("text", "'text'")]
)
def test_a_file_that_is_not_a_mapping_is_one_fault(faults, text, got):
    (fault,) = faults(text)
    assert fault == f"the file: Input should be a mapping, got {got}"


@pytest.mark.parametrize("name", ["yes", "no", "~", "007", "12:30", "2024-01-01", "1.0"])
def test_a_floor_and_a_rename_are_about_the_class_as_written(load, name):
    text = yaml.safe_dump(GOOD).replace("min_recall: {}", f"min_recall: {{{name}: 0.5}}")
    text = text.replace("renamed: {}", f"renamed:\n    {name}: cat")
    rules = load(text).gate.rules
    assert (rules.min_recall, rules.renamed) == ({name: 0.5}, {name: "cat"})


@pytest.fixture(params=["C", "Python"])
def parser(request, monkeypatch):
    """The language of ruamel.yaml's parser; the one in C is a package of its own."""
    if request.param == "Python":
        monkeypatch.setattr("ruamel.yaml.main.CParser", None)
    return request.param


@pytest.mark.parametrize(
    ("keys", "fault"),
    [
        ("{7: 0.5, 007: 0.6}", "takes two keys for one"),
        ("{null: 0.5, ~: 0.6}", "takes two keys for one"),
        ("{12:30: 0.5}", "found unexpected ':'"),
    ],
)
def test_what_dvc_cannot_read_is_refused_with_the_line_and_the_remedy(
    tmp_path, parser, keys, fault
):
    path = tmp_path / "params.yaml"
    path.write_text(f"seed: 0\nmin_recall: {keys}\n")
    with pytest.raises(ParamsError) as caught:
        require_read_by_dvc(path)
    assert str(caught.value) == (
        f"{path}, line 2: DVC cannot read it ({fault}): min_recall: {keys}. Put every key that is "
        "not a plain word in quotes"
    )


@pytest.mark.parametrize("text", ["[a, 12:30]", "{a: 12:30}", "{a?: 1}", "{a:}", "[{b: [x:y]}]"])
def test_an_indicator_in_a_word_within_brackets_is_refused(tmp_path, parser, text):
    path = tmp_path / "params.yaml"
    path.write_text(f"min_recall: {text}\n")
    with pytest.raises(ParamsError, match=r"line 1: DVC cannot read it \("):
        require_read_by_dvc(path)


@pytest.mark.parametrize("name", ["yes", "~", "007", "2024-01-01", "1.0", "0o17", "'12:30'"])
def test_dvc_reads_each_name_beside_others(tmp_path, parser, name):
    path = tmp_path / "params.yaml"
    path.write_text(f"at: 12:30 # {{12:30}}\nmin_recall: {{{name}: 0.5, cat: 0.6, no: 0.7}}\n")
    require_read_by_dvc(path)


@pytest.mark.parametrize("name", ["yes", "007", ".inf"])
def test_a_new_name_that_is_no_text_has_the_remedy(faults, name):
    text = yaml.safe_dump(GOOD).replace("renamed: {}", f"renamed: {{cat: {name}}}")
    (fault,) = faults(text)
    assert fault.startswith("gate.renamed.cat: Input should be a valid string, got ")


def test_names_of_classes_have_the_form_of_the_labels(load):
    rules = load(changed(gate={**GOOD["gate"], "min_recall": {"cafe\u0301": 0.5}})).gate.rules
    assert rules.min_recall == {"caf\u00e9": 0.5}

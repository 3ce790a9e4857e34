import numpy as np
import onnx
import onnxruntime
import pytest
from colour_model import colour_model

from lradapt.evaluation.prototypes import distances
from lradapt.inference.metadata import ModelError
from lradapt.inference.predict import Model
from lradapt.networks.answer_limits import AnswerLimits, SetLimits, UnlikeLimit
from lradapt.networks.onnx_unlike import with_limits

LIMITS = AnswerLimits(
    UnlikeLimit(0.25, 0.99, 120),
    SetLimits(0.9, {"red": 0.3, "green": 0.0, "blue": 1 / 3}, {"red": 20, "green": 8, "blue": 30}),
)
PROTOTYPES = np.random.default_rng(1).normal(size=(5, 192)).astype(np.float16)
PROTOTYPES = (PROTOTYPES / np.linalg.norm(PROTOTYPES.astype(float), axis=1)[:, None]).astype("f2")


def pixels(count):
    return np.random.default_rng(0).integers(0, 256, (count, 8, 8, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def content():
    return with_limits(colour_model(), PROTOTYPES, LIMITS)


def test_probabilities_and_features_stay_the_same_bit_for_bit(content):
    before, after = Model(colour_model()).answers(pixels(9)), Model(content).answers(pixels(9))
    np.testing.assert_array_equal(after.probabilities, before.probabilities)
    np.testing.assert_array_equal(after.features, before.features)
    assert before.unlike is None


@pytest.mark.parametrize("count", [1, 2, 70])
def test_the_third_output_is_the_distance_to_the_prototypes(content, count):
    found = Model(content).answers(pixels(count))
    expected = distances(found.features, PROTOTYPES)
    np.testing.assert_allclose(found.unlike, expected, atol=1e-6)


def test_a_reader_of_any_program_sees_it_as_the_third_output(content):
    outputs = onnxruntime.InferenceSession(content).get_outputs()
    assert [each.name for each in outputs] == ["probabilities", "features", "unlike"]
    assert (outputs[2].type, outputs[2].shape) == ("tensor(float)", ["batch"])
    onnx.checker.check_model(onnx.load_model_from_string(content), full_check=True)


def test_no_distance_is_below_zero_and_features_of_zero_are_unlike_all():
    features = np.zeros((2, 192), np.float32)
    features[1] = 7 * PROTOTYPES[0].astype(np.float32)
    session = onnxruntime.InferenceSession(with_limits(_reads_features(), PROTOTYPES, LIMITS))
    (found,) = session.run(["unlike"], {"pixels": features})
    assert found[0] == 1
    assert 0 <= found[1] < 1e-3


def _reads_features():
    """A model whose input are the features themselves."""
    float32, make = onnx.TensorProto.FLOAT, onnx.helper.make_tensor_value_info
    given = make("pixels", float32, ["batch", 192])
    outputs = [make(name, float32, ["batch", 192]) for name in ("probabilities", "features")]
    nodes = [
        onnx.helper.make_node("Identity", ["pixels"], ["features"]),
        onnx.helper.make_node("Softmax", ["features"], ["probabilities"]),
    ]
    graph = onnx.helper.make_graph(nodes, "features", [given], outputs)
    opset = onnx.helper.make_opsetid("", 20)
    return onnx.helper.make_model(graph, opset_imports=[opset], ir_version=10).SerializeToString()


def test_the_limits_come_back_from_the_metadata_to_the_last_bit(content):
    assert Model(content).limits == LIMITS
    assert Model(content).limits.sets.least["blue"] == 1 / 3
    assert Model(colour_model()).limits == AnswerLimits()


def test_without_features_the_sets_alone_are_added():
    model = onnx.load_model_from_string(colour_model())
    del model.graph.output[1:]
    limits = AnswerLimits(None, LIMITS.sets)
    found = Model(with_limits(model.SerializeToString(), None, limits))
    assert found.limits == limits
    assert found.answers(pixels(2)).unlike is None


def test_the_same_limits_give_the_same_bytes(content):
    assert with_limits(colour_model(), PROTOTYPES, LIMITS) == content


UNSURE = '{"coverage": 0.9, "least": %s, "images": {"red": 9, "green": 9, "blue": 9}}'


@pytest.mark.parametrize(
    ("note", "text", "says"),
    [
        ("unlike", "[", "lradapt.unlike: Expecting value"),
        ("unlike", "[1]", "lradapt.unlike: expected an object"),
        ("unlike", '{"limit": 0.1, "kept": 0.9}', "lradapt.unlike: 'images'"),
        ("unlike", '{"limit": "a", "kept": 0.9, "images": 9}', "'a', expected a number"),
        ("unlike", '{"limit": true, "kept": 0.9, "images": 9}', "True, expected a number"),
        ("unlike", '{"limit": NaN, "kept": 0.9, "images": 9}', "nan, expected a number"),
        ("unlike", '{"limit": 3, "kept": 0.9, "images": 9}', "expected limit 0 to 2"),
        ("unlike", '{"limit": 0.1, "kept": 1, "images": 9}', "kept between 0 and 1"),
        ("unlike", '{"limit": 0.1, "kept": 0.9, "images": 0}', "images 1 or more"),
        ("unsure", UNSURE % '{"red": 0, "green": 0}', "one number for each class"),
        ("unsure", UNSURE % '{"red": 0, "green": 0, "blue": 2}', "each of least from 0 to 1"),
        ("unsure", UNSURE % "[0, 0, 0]", "one number for each class"),
        ("unsure", '{"coverage": 0.9}', "lradapt.unsure: 'least'"),
    ],
)
def test_limits_that_cannot_be_are_a_fault_that_names_them(content, note, text, says):
    model = onnx.load_model_from_string(content)
    (entry,) = [each for each in model.metadata_props if each.key == f"lradapt.{note}"]
    entry.value = text
    with pytest.raises(ModelError, match=says):
        Model(model.SerializeToString())


def test_a_limit_without_the_output_that_it_limits_is_a_fault(content):
    model = onnx.load_model_from_string(content)
    del model.graph.output[2:]
    with pytest.raises(ModelError, match=r"lradapt\.unlike: the model has no output unlike"):
        Model(model.SerializeToString())

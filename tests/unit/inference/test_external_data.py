from types import SimpleNamespace

import numpy as np
import onnx
import onnxruntime
import pytest
from colour_model import colour_model
from onnx import TensorProto, helper, numpy_helper, onnx_ml_pb2

from lradapt.inference.external_data import _FIELDS, external_tensors
from lradapt.inference.metadata import ModelError
from lradapt.inference.predict import Model
from lradapt.production.publish import publish

FLOATS = [1, 2]


def external(name="weight", location="secret.bin"):
    """A tensor that a model keeps in another file."""
    tensor = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=FLOATS[1:])
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=location)
    return tensor


def value(name):
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, [2])


def graph(nodes=(), initializers=(), name="g"):
    return helper.make_graph(list(nodes), name, [], [value("y")], list(initializers))


def constant(tensor):
    return helper.make_node("Constant", [], ["y"], value=tensor)


def sparse():
    tensor = onnx.SparseTensorProto(dims=[9])
    tensor.values.CopyFrom(external())
    return tensor


def as_sparse_initializer():
    made = graph()
    made.sparse_initializer.append(sparse())
    return helper.make_model(made)


def in_function():
    function = helper.make_function(
        "here", "f", [], ["y"], [constant(external())], [helper.make_opsetid("", 18)]
    )
    return helper.make_model(graph(), functions=[function])


def in_training():
    model = helper.make_model(graph())
    model.training_info.add().algorithm.CopyFrom(graph([], [external()]))
    return model


def with_tensors():
    node = helper.make_node("Odd", [], ["y"])
    node.attribute.append(helper.make_attribute("list", [external(), external()]))
    return helper.make_model(graph([node]))


def in_branches():
    branch = graph([constant(external())], name="branch")
    node = helper.make_node("If", ["b"], ["y"], then_branch=branch, else_branch=branch)
    return helper.make_model(graph([node]))


PLACES = {
    "initializer": lambda: helper.make_model(graph([], [external()])),
    "constant": lambda: helper.make_model(graph([constant(external())])),
    "branch": in_branches,
    "function": in_function,
    "training": in_training,
    "list": with_tensors,
    "sparse": as_sparse_initializer,
}


@pytest.mark.parametrize("place", PLACES)
def test_a_tensor_in_another_file_is_found_wherever_it_is_used(place):
    content = PLACES[place]().SerializeToString()
    assert set(external_tensors(content)) == {"'weight'"}
    with pytest.raises(ModelError, match=r"in other files, which .* external_data=False"):
        Model(content)


def test_a_tensor_that_names_a_file_without_the_flag_or_the_reverse_is_found_too():
    flagged, named = external("flagged"), external("named")
    del flagged.external_data[:]
    named.ClearField("data_location")
    content = helper.make_model(graph([], [flagged, named])).SerializeToString()
    assert external_tensors(content) == ["'flagged'", "'named'"]


def test_every_message_that_can_hold_a_tensor_is_looked_into():
    messages = onnx_ml_pb2.DESCRIPTOR.message_types_by_name
    holding = {"TensorProto"}
    while True:
        more = {
            name
            for name, message in messages.items()
            for field in message.fields
            if field.message_type and field.message_type.name in holding
        }
        if more <= holding:
            break
        holding |= more
    expected = {
        name: {
            field.number: field.message_type.name
            for field in messages[name].fields
            if field.message_type and field.message_type.name in holding
        }
        for name in holding - {"TensorProto"}
    }
    assert expected == _FIELDS


def test_a_model_that_keeps_its_tensors_has_none_elsewhere():
    assert external_tensors(colour_model()) == []


@pytest.mark.parametrize("cut", [1, 10, 1000])
def test_a_file_that_is_cut_off_is_no_model(cut):
    with pytest.raises(ModelError, match="not a model that ONNX Runtime can load"):
        Model(colour_model()[:-cut])


def test_a_model_that_passed_could_not_read_a_file_either(tmp_path, monkeypatch):
    """ONNX Runtime itself looks where nothing can be."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "secret.bin").write_bytes(np.array(FLOATS, np.float32).tobytes())
    content = helper.make_model(
        graph([constant(external())]), opset_imports=[helper.make_opsetid("", 18)], ir_version=9
    ).SerializeToString()
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    assert session.run(None, {})[0].tolist() == FLOATS, "what this is about"
    monkeypatch.setattr("lradapt.inference.session.require_self_contained", lambda _: None)
    with pytest.raises(ModelError, match="External data path validation failed"):
        Model(content)


def test_a_model_with_tensors_in_other_files_is_not_published(tmp_path):
    path = tmp_path / "model.onnx"
    path.write_bytes(PLACES["initializer"]().SerializeToString())
    with pytest.raises(ModelError, match="in other files"):
        publish(None, SimpleNamespace(onnx=path), report=b"", card=b"", run="")


def test_ordinary_tensors_are_not_external():
    tensor = numpy_helper.from_array(np.zeros((3, 4), np.float32), "w")
    assert external_tensors(helper.make_model(graph([], [tensor])).SerializeToString()) == []

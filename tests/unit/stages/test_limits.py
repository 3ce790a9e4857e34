import logging

import numpy as np
import onnx
import pytest
from colour_model import COLOURS, colour_model

from lradapt.config.params.evaluation import AnswersParams
from lradapt.data.labelled_image import LabelledImage
from lradapt.inference.answers import Answers
from lradapt.inference.predict import Model
from lradapt.stages import limits
from lradapt.stages.limits import Answered, add_limits, sample

PARAMS = AnswersParams(coverage=0.9, kept=0.95)


def answered(count, seed=0):
    """So many noisy pictures of each colour, answered by the model of colours."""
    random = np.random.default_rng(seed)
    labels = np.repeat(np.arange(3), count)
    squares = random.integers(0, 120, (3 * count, 8, 8, 3), dtype=np.uint8)
    for square, label in zip(squares, labels, strict=True):
        square[..., label] += 110
    return Answered(Model(colour_model(), threads=1).answers(squares), labels)


def of(label, count, first=0):
    return [LabelledImage(f"{label}{n}", label, row=first + n) for n in range(count)]


def test_a_sample_has_as_many_of_each_class_evenly_spaced(monkeypatch):
    monkeypatch.setattr(limits, "_MOST_IMAGES", 8)
    found = sample([*of("ant", 10), *of("bee", 3)])
    assert [each.image for each in found] == [
        *("ant0", "ant2", "ant5", "ant7"),
        *("bee0", "bee1", "bee2"),
    ]


def test_the_limits_keep_the_shares_of_the_validation_images_that_were_asked_for():
    training, validation = answered(30), answered(40, seed=1)
    model = Model(add_limits(colour_model(), training, validation, COLOURS, PARAMS), threads=1)
    assert (model.limits.unlike.kept, model.limits.unlike.num_images) == (0.95, 120)
    assert model.limits.sets.num_images == dict.fromkeys(COLOURS, 40)
    inside = model.limits.sets.contain(validation.answers.probabilities, COLOURS)
    for k in range(3):
        assert inside[validation.labels == k, k].sum() == 37  # the rank of 41 x 0.9
    white = np.full((1, 8, 8, 3), 255, np.uint8)
    assert model.doubts(model.answers(white))[0].unlike_training


def test_classes_with_too_few_validation_images_are_told(caplog):
    with caplog.at_level(logging.WARNING):
        add_limits(colour_model(), answered(9), answered(8, seed=1), COLOURS, PARAMS)
    assert caplog.messages == [
        "3 of 3 classes have too few validation images for a coverage of 0.9, which needs 9 of "
        "each, so they are in the set `unsure` of every answer: red 8, green 8, blue 8"
    ]


def test_enough_validation_images_need_no_warning(caplog):
    add_limits(colour_model(), answered(9), answered(9, seed=1), COLOURS, PARAMS)
    assert caplog.messages == []


def test_without_validation_images_an_answer_has_a_distance_and_no_limit():
    nothing = Answered(Answers(np.empty((0, 3), np.float32)), np.empty(0, np.int64))
    model = Model(add_limits(colour_model(), answered(9), nothing, COLOURS, PARAMS))
    (doubt,) = model.doubts(model.answers(np.zeros((1, 8, 8, 3), np.uint8)))
    assert (doubt.unlike_training, doubt.unsure) == (None, None)
    assert doubt.unlike > 0


def test_a_network_without_features_has_sets_alone_and_this_is_told(caplog):
    proto = onnx.load_model_from_string(colour_model())
    del proto.graph.output[1:]
    probabilities = answered(9).answers.probabilities
    some = Answered(Answers(probabilities), answered(9).labels)
    model = Model(add_limits(proto.SerializeToString(), some, some, COLOURS, PARAMS))
    assert model.limits.unlike is None
    assert model.limits.sets
    assert "the last layer is not linear" in caplog.text


@pytest.mark.parametrize("split", ["training", "validation"])
def test_only_features_of_training_and_answers_to_validation_count(split):
    training, validation = answered(30), answered(40, seed=1)
    whole = add_limits(colour_model(), training, validation, COLOURS, PARAMS)
    others = answered(30, seed=2), answered(40, seed=3)
    changed = (others[0], validation) if split == "training" else (training, others[1])
    assert add_limits(colour_model(), *changed, COLOURS, PARAMS) != whole
    without = Answered(Answers(np.zeros((90, 0)), training.answers.features), training.labels)
    assert add_limits(colour_model(), without, validation, COLOURS, PARAMS) == whole

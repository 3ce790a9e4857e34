import copy

import numpy as np
import pytest
import torch
from PIL import Image

from lradapt.compute.engine import seeded
from lradapt.errors import LayersError, ParamsError, WeightsError
from lradapt.networks import packaged_weights
from lradapt.networks.backbone import import_backbone, read_backbone, read_origin
from lradapt.networks.classifier import body_weights, build, build_body, load_classifier
from lradapt.networks.facts import normalisation_advice, require_size, size_advice
from lradapt.networks.known import architecture_of, backbone_facts
from lradapt.networks.normalisation import Normalisation
from lradapt.networks.packaged_weights import PACKAGES
from lradapt.networks.timm_names import timm_names
from lradapt.training.layers import layer_groups

LITE0 = "timm/tf_efficientnet_lite0"
CHINA, FLOWER = {698, 663, 442, 483}, {985}  # ImageNet: palace, monastery, bell cote, castle; daisy


@pytest.fixture
def _no_hub(monkeypatch):
    def refuse(*_, **__):
        raise OSError("no route to host")

    monkeypatch.setattr("huggingface_hub.get_hf_file_metadata", refuse)
    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", lambda *_: None)


@pytest.mark.parametrize("name", ["test_resnet", "test_efficientnet", "test_convnext", "test_vit"])
def test_every_parameter_lies_at_one_depth_in_the_order_of_the_layers(name):
    architecture = architecture_of(f"timm/{name}")
    with torch.device("meta"):
        model = build(architecture, num_classes=3)
    early, late, head = layer_groups(model, [1, 2, 3], layers=architecture.groups)
    groups = [early["params"], late["params"], head["params"]]
    assert sum(map(len, groups)) == len(list(model.parameters()))
    assert len(head["params"]) == 2


@pytest.mark.parametrize(
    ("name", "first_late"),
    [("test_resnet", "layer3"), ("test_convnext", "stages.2"), ("test_vit", "blocks.3")],
)
def test_the_body_is_cut_at_half_of_its_stages(name, first_late):
    architecture = architecture_of(f"timm/{name}")
    assert architecture.late.startswith("^(" + first_late.replace(".", r"\."))


def test_timm_names_are_those_of_timm():
    import timm

    assert sorted(timm_names()) == sorted(timm.list_models())


def test_a_network_without_a_linear_head_is_refused():
    with pytest.raises(ParamsError, match="timm/dla34 has the head Conv2d, expected one linear"):
        architecture_of("timm/dla34")


def test_a_network_that_timm_does_not_order_is_refused():
    with pytest.raises(LayersError, match="timm does not order its layers by depth"):
        architecture_of("timm/csatv2")


def test_an_unknown_tag_of_weights_is_refused():
    with pytest.raises(ParamsError, match=r"timm/test_resnet\.nobody"):
        architecture_of("timm/test_resnet.nobody")


def test_to_look_a_network_up_draws_no_random_number():
    before = torch.get_rng_state()
    architecture_of("timm/test_resnet")
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.usefixtures("_no_hub")
def test_the_packaged_weights_know_what_the_sample_photos_show(tmp_path):
    sample = pytest.importorskip("sklearn.datasets").load_sample_images()
    architecture, facts = architecture_of(LITE0), backbone_facts(LITE0)
    origin = import_backbone("auto", architecture, tmp_path / "body")
    assert origin == read_origin(tmp_path / "body")
    assert (origin.source, origin.licence) == ("imagenet", "Apache-2.0")
    assert PACKAGES[LITE0].sha256 in origin.detail
    body = build_body(architecture, read_backbone(tmp_path / "body", architecture))
    packaged, _ = packaged_weights.packaged_weights(LITE0)
    head_KD, bias_K = packaged["_fc.weight"], packaged["_fc.bias"]
    normalise = Normalisation(facts.mean, facts.deviation)
    for picture, classes in zip(sample.images, (CHINA, FLOWER), strict=True):
        image = Image.fromarray(picture).crop((106, 0, 533, 427)).resize((224, 224))
        pixels = torch.from_numpy(np.asarray(image).copy()).permute(2, 0, 1)[None]
        last_ND = body(normalise(pixels))[:, -head_KD.shape[1] :]
        assert int((last_ND @ head_KD.T + bias_K).argmax()) in classes


@pytest.mark.usefixtures("_no_hub")
def test_a_package_with_another_hash_is_refused(tmp_path, monkeypatch):
    (tmp_path / "other.pth").write_bytes(b"other")
    monkeypatch.setattr(packaged_weights, "_file_of", lambda _: tmp_path / "other.pth")
    with pytest.raises(WeightsError, match=r"has the sha256 d9298a10.*, expected 57934424"):
        packaged_weights.packaged_weights(LITE0)


@pytest.mark.usefixtures("_no_hub")
def test_without_hub_and_package_auto_is_random_and_says_both_reasons(tmp_path):
    origin = import_backbone("auto", architecture_of("timm/test_resnet"), tmp_path / "body")
    assert origin.source == "none"
    assert "cannot be downloaded from huggingface.co here (no route to host)" in origin.detail
    assert "no data package has the weights of timm/test_resnet" in origin.detail


def test_weights_of_another_network_are_refused(tmp_path):
    source = tmp_path / "other.pth"
    with seeded(0):
        torch.save(build(architecture_of("timm/test_efficientnet"), 3).state_dict(), source)
    with pytest.raises(WeightsError, match="the weights are not those of timm/test_resnet"):
        import_backbone(str(source), architecture_of("timm/test_resnet"), tmp_path / "body")


@pytest.mark.parametrize("name", ["resnet18", "timm/test_efficientnet"])
def test_the_head_reads_the_pooled_stages_and_then_the_last_features(name):
    architecture = architecture_of(name)
    with seeded(0):
        model = build(architecture, num_classes=3).eval()
    maps = []
    for tap in architecture.taps:
        model.get_submodule(tap).register_forward_hook(
            lambda *args: maps.append(args[2].mean((2, 3)))
        )
    images = torch.rand(2, 3, 64, 64)
    weights = model.state_dict()
    features_ND = build_body(architecture, body_weights(architecture, weights))(images)
    head = architecture.head
    expected = features_ND @ weights[f"{head}.weight"].T + weights[f"{head}.bias"]
    torch.testing.assert_close(model(images), expected)
    width = sum(map_NC.shape[1] for map_NC in maps)
    torch.testing.assert_close(features_ND[:, :width], torch.cat(maps, 1))
    again = load_classifier(architecture, weights, num_classes=3)
    torch.testing.assert_close(again(images), expected)


def test_a_copied_network_has_its_own_taps():
    with seeded(0):
        model = build(architecture_of("timm/test_resnet"), num_classes=3).eval()
    copied, images = copy.deepcopy(model), torch.rand(2, 3, 32, 32)
    expected = model(images)
    torch.testing.assert_close(copied(images), expected)
    assert copied.get_submodule("fc").pooled is not model.get_submodule("fc").pooled


def test_mean_and_deviation_other_than_the_backbones_are_told():
    facts = backbone_facts(LITE0)
    assert normalisation_advice(facts, facts.mean, facts.deviation) == ""
    advice = normalisation_advice(facts, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    assert "set data.mean to [0.5, 0.5, 0.5] and data.deviation to [0.5, 0.5, 0.5]" in advice


@pytest.mark.parametrize(
    ("name", "size", "message"),
    [
        ("densenet121", 24, "densenet121 needs images of at least 29 pixels"),
        ("timm/densenet121", 24, "timm/densenet121 needs images of at least 29 pixels"),
        ("timm/test_convnext", 24, "timm/test_convnext needs images of at least 32 pixels"),
        ("timm/test_vit", 64, "timm/test_vit accepts images of 160 pixels only"),
    ],
)
def test_images_that_the_network_cannot_compute_are_refused(name, size, message):
    with pytest.raises(ParamsError, match=message):
        require_size(backbone_facts(name), size)


def test_a_set_of_images_smaller_than_the_backbone_is_made_for_is_told():
    facts = backbone_facts(LITE0)
    assert size_advice(facts, 32) == ""
    assert "no image reaches 32 pixels (the largest that was looked at has 8)" in size_advice(
        facts, 8
    )


@pytest.mark.parametrize("name", ["densenet121", "densenetblur121d"])
def test_a_stage_before_a_last_batchnorm_is_read_whatever_its_width(name):
    """The last stage of these is a BatchNorm; the third block is as wide as the head's input."""
    blocks = [f"features.denseblock{number}" for number in (1, 2, 3)]
    assert list(architecture_of(f"timm/{name}").taps) == blocks


def test_no_stage_is_a_batchnorm_which_several_processes_replace():
    assert architecture_of("timm/mobilenetv3_small_050").taps == (
        *("blocks.0", "blocks.1", "blocks.3", "blocks.5"),
    )

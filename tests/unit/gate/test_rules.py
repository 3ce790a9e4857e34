import json
from dataclasses import replace

from gate_verdicts import RULES

from lradapt.gate.rules import rules_sha256


def test_rules_read_back_from_json_in_another_order_have_the_same_hash():
    plain = RULES.as_dict()
    read = json.loads(json.dumps(dict(reversed(plain.items()))))
    assert rules_sha256(read) == rules_sha256(plain)


def test_every_rule_is_in_the_hash():
    others = {
        "policy": "superior",
        "margin": 0.011,
        "confidence": 0.99,
        "num_resamples": 1234,
        "min_class_images": 77,
        "max_recall_drop": 0.033,
        "min_floor_images": 78,
        "min_recall": {"mole": 0.5},
        "min_recall_in": {"site": {"Graz": {"mole": 0.5}}},
        "max_coverage_shortfall": 0.07,
        "max_image_seconds": 3.0,
        "max_megabytes": 4.0,
        "renamed": {"old": None},
    }
    assert others.keys() == RULES.as_dict().keys()
    hashes = {rules_sha256(replace(RULES, **{key: of}).as_dict()) for key, of in others.items()}
    assert len(hashes | {rules_sha256(RULES.as_dict())}) == len(others) + 1

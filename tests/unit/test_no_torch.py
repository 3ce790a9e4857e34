"""The modules that use a published model import no torch, so serving starts fast."""

import json
import subprocess
import sys

PROGRAM = """
import importlib, json, pkgutil, sys
importlib.import_module("lradapt.cli.serve")
importlib.import_module("lradapt.cli.review")
for name in ("registry", "production", "serving", "gate", "review"):
    package = importlib.import_module(f"lradapt.{name}")
    for module in pkgutil.walk_packages(package.__path__, f"lradapt.{name}."):
        importlib.import_module(module.name)
print(json.dumps(sorted(sys.modules)))
"""


def test_registry_production_serving_gate_and_review_import_no_torch():
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={"PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    imported = set(json.loads(done.stdout))
    assert {"lradapt.cli.serve", "lradapt.production.release", "lradapt.serving.server"} <= imported
    assert not {"torch", "torchvision", "matplotlib", "onnx"} & imported

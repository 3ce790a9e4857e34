import shutil
from pathlib import Path

import pytest

from lradapt.errors import LradaptError
from lradapt.runtime import code_fingerprint
from lradapt.runtime.code_fingerprint import as_tree, code_of, fingerprint

ROOT = Path(__file__).parents[3]


@pytest.fixture
def shop(tmp_path):
    """A project with a package of its own: stages.sell uses till and, inside a function, price."""
    files = {
        "shop/__init__.py": "",
        "shop/sell.py": "import os\nfrom shop import till\ndef f():\n    import shop.price\n",
        "shop/till.py": "from shop.money import Coin\nfrom lradapt.errors import LradaptError\n",
        "shop/money/__init__.py": "class Coin: ...\n",
        "shop/price.py": "import shop.sell\n",
        "shop/advert.py": "from shop import till\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_the_code_of_a_module_is_all_that_it_imports_directly_or_not(shop):
    assert list(code_of(["shop.sell"], shop)["shop.sell"]) == [
        "shop/money/__init__.py",
        "shop/price.py",
        "shop/sell.py",
        "shop/till.py",
    ]


def test_an_edit_changes_the_fingerprint_of_those_who_use_the_file_alone(shop):
    def fingerprints():
        return [fingerprint(module, shop) for module in ("shop.sell", "shop.advert")]

    before = fingerprints()
    (shop / "shop/price.py").write_text("import shop.sell\nTAX = 1\n")
    after = fingerprints()
    assert before[0] != after[0]
    assert before[1] == after[1]
    (shop / "shop/money/__init__.py").write_text("class Coin: value = 1\n")
    assert fingerprints()[1] != after[1]


def test_a_module_that_is_not_there_is_named(shop):
    with pytest.raises(
        LradaptError, match=r"no module shop\.stock, shop\.thief in .* or in the package lradapt"
    ):
        code_of(["shop.sell", "shop.stock", "shop.thief"], shop)


def test_an_installed_lradapt_has_the_same_paths_and_hashes_as_a_source_tree(tmp_path, monkeypatch):
    module = "lradapt.stages.calibrate"
    here = code_of([module], ROOT)
    shutil.copytree(ROOT / "lradapt", tmp_path / "site-packages/lradapt")
    monkeypatch.setattr(code_fingerprint, "_PACKAGE", tmp_path / "site-packages/lradapt")
    assert code_of([module], tmp_path) == here


@pytest.mark.parametrize(
    ("stage", "used", "unused"),
    [
        ("finetune", "lradapt/training/inputs/augment.py", "lradapt/gate/decide.py"),
        ("activations", "lradapt/training/inputs/augment.py", "lradapt/data/split.py"),
        ("evaluate", "lradapt/plots/confusion.py", "lradapt/gate/decide.py"),
        ("ingest", "lradapt/data/images/decode.py", "lradapt/training/inputs/augment.py"),
    ],
)
def test_a_stage_uses_what_changes_its_outputs(stage, used, unused):
    code = code_of([f"lradapt.stages.{stage}"], ROOT)[f"lradapt.stages.{stage}"]
    assert used in code
    assert unused not in code


def test_what_only_checks_or_reports_is_used_by_no_stage():
    code = code_of(["lradapt.stages.finetune"], ROOT)["lradapt.stages.finetune"]
    assert not {
        "lradapt/errors.py",
        "lradapt/config/params/__init__.py",
        "lradapt/runtime/progress.py",
        "lradapt/stages/__init__.py",
    } & set(code)


def test_what_has_no_effect_is_there():
    for module in code_fingerprint._WITHOUT_EFFECT:
        path = ROOT / module.replace(".", "/")
        assert path.is_dir() or path.with_suffix(".py").is_file(), module


def test_code_is_nested_as_dvc_looks_params_up():
    assert as_tree({"a.b": {"x.py": "1"}, "a.c": {}}) == {"a": {"b": {"x.py": "1"}, "c": {}}}

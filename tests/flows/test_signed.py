"""A run signs what it publishes and promotes; one whose result nobody would trust ends at once."""

import json
import sys

import pytest

from flows.retrain import retrain
from lradapt.registry.store import NotTrustedError
from lradapt.signing.keys import new_key
from lradapt.signing.settings import KEY_FILE
from tests.projects import run
from tests.unit.signers import Person


def test_a_run_without_a_private_key_ends_at_once_where_keys_are_trusted(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "trusted_keys.txt").write_text(f"anna {new_key().public.text}\n")
    with pytest.raises(NotTrustedError, match="no private key to sign with"):
        retrain.fn()
    assert [path.name for path in tmp_path.iterdir()] == ["trusted_keys.txt"]


@pytest.mark.slow
@pytest.mark.long
def test_a_run_signs_and_what_was_tampered_with_afterwards_is_refused(made, tmp_path):
    anna = Person(tmp_path, "anna")
    (made / "trusted_keys.txt").write_text(f"{anna.trusted.line}\n")
    output = run(made, "env", f"{KEY_FILE}={anna.path}", sys.executable, "-m", "flows.retrain")
    assert "promote: it is the first model" in output.stdout
    assert anna.key.pem().decode().splitlines()[1] not in output.stdout
    checked = json.loads(lradapt(made, "keys", "check", "--json").stdout)
    assert {(each["signed_by"], each["fault"]) for each in checked} == {("anna", "")}
    assert len(checked) == 4  # the version, the frozen rules, the comparison, the move
    (manifest,) = (made / "registry/classifier/versions").glob("*/manifest.json")
    manifest.write_text(manifest.read_text().replace(" ", "  ", 1))
    refused = lradapt(made, "predict", "data/images/b", check=False)
    assert refused.returncode == 1
    assert refused.stdout.startswith("error: ")
    assert "is not trusted: none of the keys in" in refused.stdout


def lradapt(project, *words, check=True):
    return run(project, sys.executable, "-m", "lradapt", *words, check=check)

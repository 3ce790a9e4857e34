import json
import stat
from pathlib import Path

import pytest
from colour_model import COLOURS, colour_model, paint
from releases import promote, publish

from lradapt.registry import open_registry
from lradapt.registry.protocol import ask
from lradapt.signing.settings import KEY, KEY_FILE, TRUSTED_FILE, Keys


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """The folder of settings of this user."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "140")
    return tmp_path / "home" / "lradapt"


@pytest.fixture
def signing(lradapt, home, monkeypatch):
    """A function: a key of that name is made, and signs from now on."""

    def use(name):
        made = json.loads(lradapt("keys", "new", name, "--json").out)
        monkeypatch.setenv(KEY_FILE, made["private_key"])
        return made

    return use


def release(tmp_path, model=None):
    """Publish and promote, with the keys of the environment."""
    registry = open_registry(str(tmp_path / "registry"))
    return promote(registry, publish(registry, model or colour_model())).version


def test_new_writes_both_files_and_says_how_to_use_them(lradapt, home):
    output = lradapt("keys", "new", "anna")
    line = (home / "anna.pub").read_text().strip()
    assert (output.code, output.err) == (0, "")
    assert output.out.splitlines() == [
        f"private key: {home}/anna.pem (keep it secret; a copy in a safe place)",
        f"public key:  {line}",
        f"to sign:     export {KEY_FILE}={home}/anna.pem",
        f"to trust:    lradapt keys trust {home}/anna.pub",
    ]
    assert line.startswith("anna ed25519:")
    assert stat.S_IMODE((home / "anna.pem").stat().st_mode) == 0o600
    assert (home / "anna.pem").read_text().splitlines()[1] not in output.out


def test_new_replaces_no_key(lradapt, home):
    lradapt("keys", "new", "anna")
    before = (home / "anna.pem").read_bytes(), (home / "anna.pub").read_bytes()
    output = lradapt("keys", "new", "anna")
    assert (output.code, output.out) == (1, "")
    assert "a private key is never replaced; choose another name" in output.err
    assert ((home / "anna.pem").read_bytes(), (home / "anna.pub").read_bytes()) == before


@pytest.mark.parametrize("name", ["../anna", "an na", "", "-"])
def test_new_refuses_a_name_that_is_none(lradapt, home, name):
    output = lradapt("keys", "new", "--", name)
    assert output.code == 1
    assert f"error: {name!r} is no name of a key: a name has up to 64 letters" in output.err
    assert not home.exists()


def test_list_shows_what_is_trusted_and_what_signs(lradapt, signing, home):
    assert lradapt("keys", "list").out.splitlines() == [
        "no keys are trusted here (no trusted_keys.txt): signatures are not checked",
        f"nothing is signed here ({KEY_FILE} is not set)",
    ]
    made = signing("anna")
    assert lradapt("keys", "trust", home / "anna.pub", "--only", "promote").code == 0
    found = json.loads(lradapt("keys", "list", "--json").out)
    assert found["signing"] == {"source": made["private_key"], "key": made["key"]}
    assert found["trusted"] == [
        {"name": "anna", "key": made["key"], "public": made["public"], "may": ["promote"]}
    ]
    assert "│ anna │" in lradapt("keys", "list").out
    signing("bo")
    assert "which is not trusted here" in lradapt("keys", "list").out


def test_trust_takes_a_line_too_and_refuses_a_private_key(lradapt, signing, tmp_path):
    made = signing("anna")
    assert lradapt("keys", "trust", f"anna {made['public']}").code == 0
    assert (tmp_path / "trusted_keys.txt").read_text().endswith(f"anna {made['public']}\n")
    secret = Path(made["private_key"]).read_text()
    for given in (made["private_key"], secret.splitlines()[1]):
        output = lradapt("keys", "trust", given)
        assert output.code == 1
        assert secret.splitlines()[1] not in output.err


def test_a_model_is_signed_promoted_and_refused_after_it_was_tampered_with(
    lradapt, signing, home, tmp_path
):
    signing("anna")
    lradapt("keys", "trust", home / "anna.pub")
    version = release(tmp_path)
    image = paint(tmp_path / "red.png", "red")
    assert "│ red " in lradapt("predict", image).out
    (row,) = json.loads(lradapt("versions", "--json").out)
    assert (row["version"], row["signed_by"], row["fault"]) == (version, "anna", "")
    assert "│ anna " in lradapt("versions").out
    assert "│ anna " in lradapt("history").out
    assert "│ signed by " in lradapt("show").out
    assert lradapt("keys", "check").code == 0

    pointer = tmp_path / "registry/classifier/production.json"
    whole = pointer.read_text()
    pointer.write_text(whole.replace("it is better", "it is best."))
    for words in (["predict", image], ["versions"], ["history"], ["show"], ["recipe"]):
        output = lradapt(*words)
        assert (output.code, output.out) == (1, "")
        assert "is not trusted: its signature by anna does not match its content" in output.err
        assert output.err.count("error:") == 1
    assert lradapt("rollback", "--reason", "as agreed").code == 1
    output = lradapt("keys", "check", "--json")
    assert output.code == 1
    faults = {each["what"]: each["fault"] for each in json.loads(output.out)}
    assert [bool(faults[what]) for what in ("production", "log", version)] == [True, True, False]

    pointer.write_text(whole)
    (signature,) = (tmp_path / f"registry/classifier/versions/{version}").glob("*.sig")
    signature.unlink()
    output = lradapt("predict", image)
    assert (output.code, output.out) == (1, "")
    assert f"version {version} of classifier in " in output.err
    assert "none of the keys in" in output.err
    (row,) = json.loads(lradapt("versions", "--json").out)
    assert "is not trusted" in row["fault"]


def test_sign_adopts_a_registry_and_rotates_keys(lradapt, signing, home, tmp_path):
    version = release(tmp_path)
    anna = signing("anna")
    lradapt("keys", "trust", home / "anna.pub")
    refused = lradapt("keys", "sign")
    assert (refused.code, refused.out) == (1, "")
    assert "it is not signed" in refused.err
    assert lradapt("keys", "sign", "--adopt").out.splitlines() == [
        f"{version}: signed with key {anna['key']}",
        f"production: promotion 2 of the log, key {anna['key']} vouches for this version and for "
        "the log so far",
    ]
    bo = signing("bo")
    assert "may not publish here" in lradapt("keys", "sign").err
    lradapt("keys", "trust", home / "bo.pub")
    (tmp_path / "registry/classifier/versions/half").mkdir()
    (tmp_path / "registry/classifier/versions/half/model.onnx").touch()
    output = lradapt("keys", "sign", "--all")
    assert output.err == "half: not signed: incomplete: no manifest\n"
    assert output.out.splitlines()[0] == f"{version}: signed with key {bo['key']}"
    done = json.loads(lradapt("keys", "sign", "--all", "--json").out)
    assert (done["key"], done["before"], done["promotion"]) == (bo["key"], [version], None)
    assert list(done["left"]) == ["half"]
    (tmp_path / "registry/classifier/versions/half/model.onnx").unlink()
    output = lradapt("keys", "distrust", "anna")
    assert (output.code, output.err) == (0, "")
    assert lradapt("keys", "check").code == 0
    kinds = [each["kind"] for each in json.loads(lradapt("history", "--json").out)]
    assert kinds == ["promotion", "key_change", "key_change"]


def test_records_of_comparisons_are_adopted_and_rotated_with_all_else(
    lradapt, signing, home, tmp_path
):
    release(tmp_path)
    opened = open_registry(str(tmp_path / "registry"), "classifier")
    asked = ask(opened.store, opened.name, "v1", {"version": "v1"})
    signing("anna")
    lradapt("keys", "trust", home / "anna.pub")
    lradapt("keys", "sign", "--adopt")
    place = opened.store.location + "/classifier/protocol/comparisons/" + asked.id
    assert [path.suffix for path in sorted(Path(place).iterdir())] == [".sig", ".json"]
    signing("bo")
    lradapt("keys", "trust", home / "bo.pub")
    assert "comparisons: 1 file(s) of their record signed" in lradapt("keys", "sign").out
    lradapt("keys", "distrust", "anna")
    checked = {each["what"]: each for each in json.loads(lradapt("keys", "check", "--json").out)}
    assert checked["comparisons"] == {"what": "comparisons", "signed_by": "bo", "fault": ""}
    Path(place, "asked.json").write_text('{"format": 1, "version": "v2"}')
    found = lradapt("keys", "check", "--json")
    assert found.code == 1
    fault = {each["what"]: each for each in json.loads(found.out)}["comparisons"]["fault"]
    assert "1 fault(s) of the record of comparisons" in fault
    assert f"comparisons/{asked.id}/asked.json is not trusted: its signature by bo is of" in fault


def test_distrust_says_what_is_refused_from_then_on(lradapt, signing, home, tmp_path):
    for name in ("anna", "bo"):
        signing(name)
    for name in ("anna", "bo"):
        lradapt("keys", "trust", home / f"{name}.pub")
    release(tmp_path)
    output = lradapt("keys", "distrust", "bo")
    assert output.code == 0
    assert "from now on: classifier/production.json" in output.err
    output = lradapt("keys", "distrust", "anna")
    assert "has no key, so nothing is trusted" in output.err
    assert "has no key" in lradapt("versions").err


def test_without_trusted_keys_there_is_none_to_distrust(lradapt):
    output = lradapt("keys", "distrust", "anna")
    assert output.code == 1
    assert output.err.startswith("error: no key is trusted here, so there is none to remove: no ")


def test_check_needs_trusted_keys(lradapt):
    output = lradapt("keys", "check")
    assert output.code == 1
    assert "no keys are trusted here, so there is nothing to check" in output.err


@pytest.mark.parametrize("command", [["versions"], ["keys", "list"], ["predict", "a.png"]])
def test_trusted_keys_that_cannot_be_read_are_one_error(lradapt, monkeypatch, tmp_path, command):
    paint(tmp_path / "a.png", COLOURS[0])
    open_registry(str(tmp_path / "registry"), keys=Keys())
    monkeypatch.setenv(TRUSTED_FILE, "none.txt")
    output = lradapt(*command)
    assert (output.code, output.out) == (1, "")
    assert output.err.startswith("error: none.txt, the file of trusted keys: No such file")


def test_a_key_in_the_environment_signs_and_is_never_printed(
    lradapt, signing, home, tmp_path, monkeypatch
):
    made = signing("anna")
    pem = Path(made["private_key"]).read_text()
    monkeypatch.delenv(KEY_FILE)
    monkeypatch.setenv(KEY, pem)
    lradapt("keys", "trust", home / "anna.pub")
    version = release(tmp_path)
    for words in (["keys", "list"], ["keys", "sign"], ["keys", "check"], ["show", "--json"]):
        output = lradapt(*words)
        assert output.code == 0
        assert pem.splitlines()[1] not in output.out + output.err
    assert f"the variable {KEY}" in lradapt("keys", "list").out
    monkeypatch.setenv(KEY, pem.replace("E", "F"))
    monkeypatch.setenv("LRADAPT_DEBUG", "0")  # --debug sets it, for the whole process
    output = lradapt("--debug", "keys", "sign", version)
    assert output.code == 1
    assert pem.splitlines()[1][-20:] not in output.out + output.err


def test_serve_says_whose_signatures_it_trusts(lradapt, signing, home, monkeypatch):
    from lradapt.serving import connections

    monkeypatch.setattr(connections, "listen", lambda *_: [])
    monkeypatch.setattr(connections, "run", lambda *_: None)
    assert "signed" not in lradapt("serve").out
    signing("anna")
    lradapt("keys", "trust", home / "anna.pub")
    assert lradapt("serve").out.splitlines()[1:] == ["only what is signed by anna"]

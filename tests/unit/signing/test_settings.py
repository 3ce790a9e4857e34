import pytest

from lradapt.errors import SigningError
from lradapt.signing.key_files import write_private_key
from lradapt.signing.keys import new_key
from lradapt.signing.settings import KEY, KEY_FILE, TRUSTED_FILE, Keys, keys_of_environment

ANNA = new_key()


@pytest.fixture(autouse=True)
def empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def trust_in(folder):
    path = folder / "trusted_keys.txt"
    path.write_text(f"anna {ANNA.public.text}\n")
    return path


def test_without_settings_nothing_is_signed_or_checked():
    assert keys_of_environment() == Keys(None, None)


def test_the_file_of_the_current_folder_is_trusted(tmp_path):
    path = trust_in(tmp_path)
    assert keys_of_environment().trusted.source == str(path)


def test_the_file_of_the_project_around_is_trusted_and_none_beyond(tmp_path, monkeypatch):
    trust_in(tmp_path)
    project = tmp_path / "project"
    (project / ".dvc").mkdir(parents=True)
    (project / "data" / "raw").mkdir(parents=True)
    monkeypatch.chdir(project / "data" / "raw")
    assert keys_of_environment().trusted is None
    path = trust_in(project)
    assert keys_of_environment().trusted.source == str(path)
    monkeypatch.chdir(project)
    assert keys_of_environment().trusted.source == str(path)


def test_a_broken_link_in_its_place_is_an_error(tmp_path):
    (tmp_path / "trusted_keys.txt").symlink_to("gone")
    with pytest.raises(SigningError, match="No such file"):
        keys_of_environment()


def test_the_variable_goes_before_the_file_of_the_folder(tmp_path, monkeypatch):
    trust_in(tmp_path)
    other = tmp_path / "other"
    other.mkdir()
    monkeypatch.setenv(TRUSTED_FILE, str(trust_in(other)))
    assert keys_of_environment().trusted.source == str(other / "trusted_keys.txt")


@pytest.mark.parametrize("variable", [TRUSTED_FILE, KEY_FILE])
def test_a_variable_that_is_set_and_empty_is_an_error(monkeypatch, variable):
    monkeypatch.setenv(variable, " ")
    with pytest.raises(SigningError, match=f"{variable} is empty: expected the path"):
        keys_of_environment()


def test_a_variable_that_names_no_file_of_trusted_keys_is_an_error(monkeypatch):
    monkeypatch.setenv(TRUSTED_FILE, "none.txt")
    with pytest.raises(SigningError, match=r"none\.txt, the file of trusted keys: No such file"):
        keys_of_environment()


def test_the_private_key_is_read_from_its_file_only_when_it_is_used(tmp_path, monkeypatch):
    monkeypatch.setenv(KEY_FILE, "later.pem")
    source = keys_of_environment().signing
    with pytest.raises(SigningError, match=r"no later\.pem"):
        source.read()
    write_private_key(tmp_path / "later.pem", ANNA)
    assert (source.read().id, str(source)) == (ANNA.id, "later.pem")


def test_the_private_key_may_be_in_the_environment_and_is_not_printed(monkeypatch):
    pem = ANNA.pem().decode()
    monkeypatch.setenv(KEY, pem)
    source = keys_of_environment().signing
    assert source.read().id == ANNA.id
    for text in (str(source), repr(source), repr(keys_of_environment())):
        assert pem.splitlines()[1] not in text
    monkeypatch.setenv(KEY, pem[:60])
    with pytest.raises(SigningError, match=f"the variable {KEY} holds no private key") as caught:
        source.read()
    assert pem.splitlines()[1][:20] not in str(caught.value)


def test_two_private_keys_are_an_error(monkeypatch):
    monkeypatch.setenv(KEY, ANNA.pem().decode())
    monkeypatch.setenv(KEY_FILE, "anna.pem")
    with pytest.raises(SigningError, match="are both set; expected one of them"):
        keys_of_environment()


@pytest.mark.parametrize(
    "text", [ANNA.pem().decode(), ANNA.pem().decode().splitlines()[1]], ids=["file", "line"]
)
def test_a_key_where_a_path_is_expected_is_not_printed(monkeypatch, text):
    monkeypatch.setenv(KEY_FILE, text)
    with pytest.raises(SigningError, match="Its value is not shown here") as caught:
        keys_of_environment()
    assert text.strip().splitlines()[-1] not in str(caught.value)

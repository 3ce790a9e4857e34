import pytest

from lradapt.errors import SigningError
from lradapt.signing.keys import new_key
from lradapt.signing.trusted_keys import (
    TrustedKey,
    TrustedKeys,
    add_trusted_key,
    parse_trusted_keys,
    read_trusted_keys,
    remove_trusted_key,
)

ANNA, CI, ONCALL = (new_key().public for _ in range(3))
TEXT = f"""\
# the team
anna {ANNA.text}

ci\t{CI.text} publish  # the trainer
oncall {ONCALL.text} promote
"""


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "trusted_keys.txt"
    path.write_text(TEXT)
    return path


def test_a_line_is_a_name_a_key_and_what_it_may_sign(path):
    trusted = read_trusted_keys(path)
    assert [(each.name, each.key, each.uses) for each in trusted.keys] == [
        ("anna", ANNA, ("publish", "promote")),
        ("ci", CI, ("publish",)),
        ("oncall", ONCALL, ("promote",)),
    ]
    assert [each.name for each in trusted.that_may("publish")] == ["anna", "ci"]
    assert trusted.find(CI.id, "promote") is None
    assert trusted.find(ONCALL.id, "promote").name == "oncall"
    assert (trusted.name_of(CI.id), trusted.name_of("0123")) == ("ci", "0123")


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("anna", r"line 1: expected NAME ed25519:KEY \[publish\] \[promote\]"),
        (f"{ANNA.text} anna", "line 1: expected NAME"),
        (f"../anna {ANNA.text}", "line 1: expected NAME"),
        ("anna ed25519:AAAA", "line 1: this is not a public key"),
        ("anna ecdsa:AAAA", "line 1: this is not a public key"),
        (f"anna {ANNA.text} sign", "line 1: after the key, expected publish or promote"),
        (f"anna {ANNA.text}\nanna {CI.text}", "anna stands there twice"),
        (f"anna {ANNA.text}\nci {ANNA.text} publish", "anna and ci have the same key"),
        (b"\xff\xfe", "line 1: expected NAME"),
    ],
    ids=range(9),  # the keys are new in each process of the tests
)
def test_a_faulty_line_is_named_and_nothing_is_trusted(path, line, fault):
    content = line if isinstance(line, bytes) else line.encode()
    path.write_bytes(content)
    with pytest.raises(SigningError, match=fault):
        read_trusted_keys(path)


def test_all_faulty_lines_are_listed_and_none_is_repeated():
    secret = new_key().pem()
    with pytest.raises(SigningError) as caught:
        parse_trusted_keys(secret + b"x y\n", "keys.txt")
    assert [f"line {number}:" in str(caught.value) for number in (1, 2, 3, 4)] == [True] * 4
    assert secret.decode().splitlines()[1] not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"\n", b"# anna ed25519:AAAA\n"])
def test_a_file_without_a_key_trusts_nothing_and_is_an_error(path, content):
    path.write_bytes(content)
    with pytest.raises(SigningError, match="has no key, so nothing is trusted"):
        read_trusted_keys(path)


def test_a_missing_file_is_an_error(tmp_path):
    with pytest.raises(SigningError, match=r"none\.txt, the file of trusted keys: No such file"):
        read_trusted_keys(tmp_path / "none.txt")


def test_a_file_that_everybody_can_write_is_an_error(path):
    path.chmod(0o666)
    with pytest.raises(SigningError, match="can be written by every user"):
        read_trusted_keys(path)


def test_keys_are_added_and_removed_and_comments_stay(path):
    new = TrustedKey("bo", new_key().public)
    add_trusted_key(path, new)
    assert path.read_text() == f"{TEXT}bo {new.key.text}\n"
    remove_trusted_key(path, "ci")
    assert path.read_text() == "".join(
        f"{line}\n" for line in [*TEXT.splitlines(), f"bo {new.key.text}"] if line[:2] != "ci"
    )
    with pytest.raises(SigningError, match="no key of ci; it has those of anna, oncall, bo"):
        remove_trusted_key(path, "ci")


def test_the_first_key_makes_the_file(tmp_path):
    path, key = tmp_path / "trusted_keys.txt", TrustedKey("anna", ANNA, ("promote",))
    add_trusted_key(path, key)
    assert read_trusted_keys(path) == TrustedKeys((key,), str(path), path)


def test_a_name_or_a_key_that_is_there_is_not_added(path):
    for key in (TrustedKey("anna", new_key().public), TrustedKey("bo", ANNA)):
        with pytest.raises(SigningError, match=r"twice|the same key"):
            add_trusted_key(path, key)
    assert path.read_text() == TEXT

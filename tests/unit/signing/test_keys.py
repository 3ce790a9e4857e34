import os
import stat
import subprocess

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from lradapt.errors import SigningError
from lradapt.signing.key_files import read_private_key, write_private_key
from lradapt.signing.keys import PublicKey, SigningKey, new_key, parse_private_key, parse_public_key

PEM, PKCS8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
# RFC 8032, section 7.1, test 2
SECRET = bytes.fromhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb")
PUBLIC = bytes.fromhex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")
SIGNATURE = bytes.fromhex(
    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
    "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
)


@pytest.fixture
def written(tmp_path):
    """A key, and its file."""
    key, path = new_key(), tmp_path / "anna.pem"
    write_private_key(path, key)
    return key, path


def test_signatures_are_those_of_the_standard():
    key = SigningKey(ed25519.Ed25519PrivateKey.from_private_bytes(SECRET))
    assert (key.public.raw, key.sign(b"\x72")) == (PUBLIC, SIGNATURE)
    assert PublicKey(PUBLIC).has_signed(b"\x72", SIGNATURE)


@pytest.mark.parametrize("signature", [b"", SIGNATURE[:-1], SIGNATURE[:-1] + b"\x01", b"x" * 64])
def test_another_signature_is_none(signature):
    assert not PublicKey(PUBLIC).has_signed(b"\x72", signature)


def test_another_message_is_not_signed():
    assert not PublicKey(PUBLIC).has_signed(b"\x73", SIGNATURE)


def test_a_public_key_is_read_from_its_text_and_has_an_id():
    key = new_key().public
    assert parse_public_key(key.text) == key
    assert len(key.id) == 16
    assert key.id != new_key().public.id


@pytest.mark.parametrize(
    "text",
    ["", "ed25519:", "ed25519:AAAA", "rsa:" + "A" * 43 + "=", "ssh-ed25519 AAAA", "ed25519:é"],
)
def test_a_public_key_of_another_kind_is_refused(text):
    with pytest.raises(SigningError, match="not a public key of Ed25519: expected ed25519:"):
        parse_public_key(text)


def test_a_private_key_is_in_a_file_that_its_owner_alone_can_read(written):
    key, path = written
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert os.listdir(path.parent) == ["anna.pem"]
    assert read_private_key(path).public == key.public


def test_no_umask_opens_the_file_to_others(tmp_path):
    before = os.umask(0)
    try:
        write_private_key(tmp_path / "new" / "a.pem", new_key())
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "new" / "a.pem").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700


def test_openssl_reads_the_file(written):
    key, path = written
    command = ["openssl", "pkey", "-in", str(path), "-pubout", "-outform", "DER"]
    try:
        done = subprocess.run(command, capture_output=True, check=True)
    except FileNotFoundError:
        pytest.skip("openssl is not on this machine")
    assert done.stdout.endswith(key.public.raw)


def test_a_private_key_is_never_replaced(written):
    key, path = written
    with pytest.raises(SigningError, match="exists already, and a private key is never replaced"):
        write_private_key(path, new_key())
    assert read_private_key(path).public == key.public
    assert os.listdir(path.parent) == ["anna.pem"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o644, 0o660])
def test_a_private_key_that_others_can_reach_is_not_used(written, mode):
    _, path = written
    path.chmod(mode)
    with pytest.raises(SigningError, match=f"has mode {mode:03o}: others than its owner"):
        read_private_key(path)


def test_a_private_key_that_is_missing_or_a_folder_is_named(tmp_path):
    with pytest.raises(SigningError, match=r"no .*none\.pem.*`lradapt keys new NAME` makes one"):
        read_private_key(tmp_path / "none.pem")
    with pytest.raises(SigningError, match="Is a directory"):
        read_private_key(tmp_path)


def encrypted():
    how = serialization.BestAvailableEncryption(b"secret")
    return ed25519.Ed25519PrivateKey.generate().private_bytes(PEM, PKCS8, how)


def elliptic():
    none = serialization.NoEncryption()
    return ec.generate_private_key(ec.SECP256R1()).private_bytes(PEM, PKCS8, none)


@pytest.mark.parametrize(
    ("pem", "message"),
    [
        (encrypted(), "a.pem is encrypted with a passphrase"),
        (elliptic(), r"a.pem is a key of another kind \(.*EC.*\): expected Ed25519"),
        (new_key().pem()[:70], "a.pem holds no private key: expected PEM"),
        (b"", "a.pem holds no private key"),
        (new_key().public.text.encode(), "a.pem holds no private key"),
    ],
)
def test_another_file_in_its_place_is_described_and_not_repeated(pem, message):
    with pytest.raises(SigningError, match=message) as caught:
        parse_private_key(pem, "a.pem")
    assert caught.value.__cause__ is None
    body = pem.decode().splitlines()[1:2]
    assert not body or body[0] not in str(caught.value)


def test_nothing_prints_a_private_key():
    key = new_key()
    secret = key.pem().decode().splitlines()[1]
    for text in (repr(key), str(key), f"{key!r}", repr([key]), repr(vars(key))):
        assert secret not in text
    assert repr(key) == f"SigningKey({key.id})"

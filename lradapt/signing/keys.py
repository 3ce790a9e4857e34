"""A key pair of Ed25519: the private key signs a message, the public key verifies the signature."""

import base64
import binascii
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lradapt.errors import SigningError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

ALGORITHM = "ed25519"
_NUM_BYTES = 32


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A public key.

    Attributes:
        raw: its 32 bytes.
    """

    raw: bytes

    @property
    def id(self) -> str:
        """What signatures call the key: the first 16 hexadecimal digits of its sha256."""
        return hashlib.sha256(self.raw).hexdigest()[:16]

    @property
    def text(self) -> str:
        """The key as text, for `parse_public_key`."""
        return f"{ALGORITHM}:{base64.b64encode(self.raw).decode()}"

    def has_signed(self, message: bytes, signature: bytes) -> bool:
        """Return whether the private key of the pair has made this signature of the message."""
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        try:
            Ed25519PublicKey.from_public_bytes(self.raw).verify(signature, message)
        except InvalidSignature:
            return False
        return True


def parse_public_key(text: str) -> PublicKey:
    """Return the public key that a text holds.

    Raises:
        SigningError: it is of another kind, or damaged.
    """
    algorithm, _, encoded = text.partition(":")
    try:
        raw = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if algorithm != ALGORITHM or len(raw) != _NUM_BYTES:
        raise SigningError(  # the text is not repeated: it may be a private key by mistake
            f"this is not a public key of Ed25519: expected {ALGORITHM}: and the base64 of "
            f"{_NUM_BYTES} bytes, as `lradapt keys new` prints it"
        )
    return PublicKey(raw)


class SigningKey:
    """A private key; it is in no text that can be printed."""

    def __init__(self, private: "Ed25519PrivateKey") -> None:
        """Keep the key of `cryptography`."""
        self._private = private

    def __repr__(self) -> str:
        """Return the id of the pair, and nothing of the private key."""
        return f"SigningKey({self.id})"

    @property
    def public(self) -> PublicKey:
        """The public key of the pair."""
        return PublicKey(self._private.public_key().public_bytes_raw())

    @property
    def id(self) -> str:
        """See `PublicKey.id`."""
        return self.public.id

    def sign(self, message: bytes) -> bytes:
        """Return the signature of a message, 64 bytes."""
        return self._private.sign(message)

    def pem(self) -> bytes:
        """Return the private key as PEM (PKCS 8, not encrypted), for a file that nobody else reads.

        OpenSSL reads it, too.
        """
        from cryptography.hazmat.primitives.serialization import (
            Encoding,
            NoEncryption,
            PrivateFormat,
        )

        return self._private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def new_key() -> SigningKey:
    """Return a new key pair, from the random numbers of the system."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return SigningKey(Ed25519PrivateKey.generate())


def parse_private_key(pem: bytes, where: str) -> SigningKey:
    """Return the private key that a PEM holds.

    Args:
        pem: the content.
        where: it is from, for messages; they never repeat the content.

    Raises:
        SigningError: it is no private key, of another kind, or encrypted.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        private = load_pem_private_key(pem, password=None)
    except TypeError:  # the texts of these errors are left out: they may repeat the content
        raise SigningError(
            f"{where} is encrypted with a passphrase, and lradapt asks for none: give it without "
            "one (`openssl pkey -in FILE -out OTHER`), in a file that only you can read"
        ) from None
    except (ValueError, UnsupportedAlgorithm):
        raise SigningError(
            f"{where} holds no private key: expected PEM, from '-----BEGIN PRIVATE KEY-----' to "
            "its END line. It may be cut off; `lradapt keys new` makes another one"
        ) from None
    if not isinstance(private, Ed25519PrivateKey):
        kind = type(private).__name__.removeprefix("_").removesuffix("PrivateKey")
        raise SigningError(
            f"{where} is a key of another kind ({kind}): expected Ed25519, as `lradapt keys new` "
            "makes it"
        )
    return SigningKey(private)

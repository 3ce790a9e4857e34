"""Which private key signs here, and whether it may: what nobody would trust is not written."""

from lradapt.registry.promotions import Production
from lradapt.registry.store import NotTrustedError
from lradapt.signing.keys import SigningKey
from lradapt.signing.settings import KEY_FILE, Keys
from lradapt.signing.trusted_keys import Use


def signing_key(keys: Keys, use: Use) -> SigningKey | None:
    """Return the key that signs; None if nothing is signed.

    Args:
        keys: what signs, and what is trusted.
        use: what is to be signed.

    Raises:
        NotTrustedError: keys are trusted here, and there is no private key, or one that is not
            among them.
        SigningError: the private key cannot be used.
    """
    if keys.signing is None and keys.trusted is None:
        return None
    return require_signing_key(keys, use)


def require_signing_key(keys: Keys, use: Use) -> SigningKey:
    """Return the key that signs.

    Raises:
        NotTrustedError, SigningError: see `signing_key`; also if nothing is signed.
    """
    if keys.signing is None:
        why = f"{keys.trusted.source} has trusted keys, and there" if keys.trusted else "there"
        raise NotTrustedError(
            f"{why} is no private key to sign with: set {KEY_FILE} to the file that `lradapt keys "
            f"new` has made. Nothing to {use} was written"
        )
    key = keys.signing.read()
    if keys.trusted and not keys.trusted.find(key.id, use):
        raise NotTrustedError(
            f"key {key.id} of {keys.signing} may not {use} here: {keys.trusted.source} does not "
            "list it for that, so what it signs would be refused. `lradapt keys trust` adds it"
        )
    return key


def require_goes_on_signed(over: Production | None, key: SigningKey | None, where: str) -> None:
    """Check that no unsigned promotion follows a signed one: readers would refuse it.

    Args:
        over: what is in production.
        key: that signs; None if nothing is signed.
        where: the registry, for messages.
    """
    if over and over.promotion.key and key is None:
        raise NotTrustedError(
            f"what is in production of {where} is signed (key {over.promotion.key}), so readers "
            f"may refuse what is not: set {KEY_FILE} to the file of your private key"
        )

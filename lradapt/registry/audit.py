"""What of a registry trusted keys have signed: pointer, log, comparisons, versions; all faults."""

from collections.abc import Callable
from dataclasses import dataclass

from lradapt.errors import listed
from lradapt.registry.manifest import MANIFEST, read_manifest, sha256_hex
from lradapt.registry.protocol import read_comparisons, read_rules
from lradapt.registry.registry import Registry
from lradapt.registry.signatures import require_signed_version
from lradapt.registry.signed_log import signer_of
from lradapt.registry.store import (
    DeniedError,
    NotTrustedError,
    RegistryError,
    UnreachableError,
    for_each,
)
from lradapt.signing.trusted_keys import TrustedKeys


@dataclass(frozen=True, slots=True)
class Audited:
    """A part of a registry.

    Attributes:
        what: "production", "log", "comparisons", or the name of a version.
        signed_by: whose trusted key vouches for it; empty if none does.
        fault: why it is not trusted; empty if it is.
    """

    what: str
    signed_by: str = ""
    fault: str = ""


def audit(registry: Registry, trusted: TrustedKeys) -> list[Audited]:
    """Return pointer, log, comparisons with their rules, all versions; but not a version's files.

    Raises:
        UnreachableError, DeniedError: the store does not answer, or not to this user.
    """

    def of_version(version: str) -> Audited:
        return _audited(version, lambda: _signer(registry, version, trusted))

    return [
        _audited("production", lambda: _promoter(registry, trusted)),
        _audited("log", lambda: _promoter_of_log(registry, trusted)),
        _audited("comparisons", lambda: _signers_of_records(registry, trusted)),
        *for_each(of_version, registry.version_names()),
    ]


def _audited(what: str, find: Callable[[], str]) -> Audited:
    try:
        return Audited(what, find())
    except (UnreachableError, DeniedError):
        raise
    except RegistryError as error:
        return Audited(what, fault=str(error))


def _promoter(registry: Registry, trusted: TrustedKeys) -> str:
    production = registry.production()
    found = production and signer_of(registry.name, production.promotion, trusted)
    return found.name if found else ""


def _promoter_of_log(registry: Registry, trusted: TrustedKeys) -> str:
    last = registry.promotions()[-1:]
    found = [signer_of(registry.name, each, trusted) for each in last]
    return ", ".join(each.name for each in found if each)


def _signers_of_records(registry: Registry, trusted: TrustedKeys) -> str:
    store, name = registry.store, registry.name
    rules, comparisons = read_rules(store, name, trusted), read_comparisons(store, name, trusted)
    faults = [each.fault for each in rules if each.fault]
    faults += [fault for each in comparisons for fault in each.faults]
    if faults:
        raise NotTrustedError(
            f"{len(faults)} fault(s) of the record of comparisons; `lradapt keys sign --adopt` "
            f"vouches for it, after a look at who could write there:\n{listed(faults)}"
        )
    signers = [each.signed_by for each in rules] + [each.signed_by for each in comparisons]
    return ", ".join(sorted({name for each in signers if each for name in each.split(", ")}))


def _signer(registry: Registry, version: str, trusted: TrustedKeys) -> str:
    content = registry.store.read(f"{registry.name}/versions/{version}/{MANIFEST}").content
    read_manifest(content, version)
    found = sha256_hex(content)
    return require_signed_version(registry.store, registry.name, version, found, trusted).name

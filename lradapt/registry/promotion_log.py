"""The pointer to the version in production, and the log of all promotions, in a store.

    NAME/production.json        the last promotion; replaced only if nobody else has replaced it
    NAME/log/SEQUENCE.json      every promotion; entries are only added

The pointer carries the whole promotion, so a process that dies between replacing it and writing the
log entry loses nothing: the next promotion writes the missing entry first.
"""

from lradapt.registry.promotions import Production, Promotion, read_promotion, write_promotion
from lradapt.registry.store import ExistsError, MissingError, RegistryError, Store, for_each


def log_key(name: str, sequence: int) -> str:
    """Return the key of the entry with this number; keys sort as numbers do."""
    return f"{name}/log/{sequence:08d}.json"


def read_pointer(store: Store, name: str) -> Production | None:
    """Return what is in production, or None before the first promotion."""
    key = f"{name}/production.json"
    try:
        stored = store.read(key)
    except MissingError:
        return None
    return Production(read_promotion(stored.content, key), stored.etag)


def replace_pointer(store: Store, name: str, promotion: Promotion, over: Production | None) -> None:
    """Write the pointer, if `over` is still in production.

    Raises:
        ChangedError: another version has been promoted meanwhile.
    """
    content, etag = write_promotion(promotion), over.etag if over else None
    store.replace(f"{name}/production.json", content, etag=etag)


def append(store: Store, name: str, promotion: Promotion) -> None:
    """Add a promotion to the log, if it has no entry yet.

    Raises:
        RegistryError: its entry is damaged, or is one of another promotion.
    """
    key = log_key(name, promotion.sequence)
    try:
        store.create(key, write_promotion(promotion))
    except ExistsError:
        _require_entry_of(store, key, promotion)


def _require_entry_of(store: Store, key: str, promotion: Promotion) -> None:
    found = read_promotion(store.read(key).content, key)
    if found != promotion:
        raise RegistryError(
            f"{key} is the entry of another promotion: number {found.sequence}, version "
            f"{found.version} at {found.at}, expected number {promotion.sequence}, version "
            f"{promotion.version} at {promotion.at}. Find out who wrote it; to go on, copy "
            "production.json to this entry if it has the entry's number (`sequence`), else "
            "remove the entry"
        )


def read_promotions(store: Store, name: str) -> list[Promotion]:
    """Return every promotion, the first one first.

    If the log entry of the last one is still missing, it is taken from the pointer.

    Raises:
        RegistryError: an entry is damaged.
    """
    keys = store.list(f"{name}/log/")
    logged = for_each(lambda key: read_promotion(store.read(key).content, key), keys)
    production = read_pointer(store, name)
    if production and production.promotion not in logged:
        logged.append(production.promotion)
    return logged


def readable_promotions(store: Store, name: str) -> list[Promotion]:
    """Return the entries of the log; a damaged one must not keep a rollback from working."""

    def read(key: str) -> Promotion | None:
        content = store.read(key).content
        try:
            return read_promotion(content, key)
        except RegistryError:
            return None

    return [each for each in for_each(read, store.list(f"{name}/log/")) if each]

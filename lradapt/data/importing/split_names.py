"""Names of splits, however they are written: `Training`, `test_set`, `seg_val`, `Dev `."""

import re
import unicodedata
from collections.abc import Iterable, Mapping

from lradapt.data.labelled_image import SPLITS, TEST, TRAIN, VALIDATION
from lradapt.errors import DataError

_SPLIT_OF = {
    **dict.fromkeys(("train", "training", "trn", "trainval", "learn", "learning"), TRAIN),
    **dict.fromkeys(("val", "valid", "validation", "validate", "validating", "vld"), VALIDATION),
    **dict.fromkeys(("dev", "devel", "development", "eval", "evaluation", "tune"), VALIDATION),
    **dict.fromkeys(("test", "tests", "testing", "tst", "holdout"), TEST),
}
_GENERIC_WORDS = (
    "a all data dataset datasets dir file files folder full image images img imgs input jpg my new "
    "official original orig part partition photo photos pic pics picture pictures png private "
    "public raw sample samples set sets split subset the v ver version"
)
_NO_MEANING = frozenset(_GENERIC_WORDS.split())
_PAIRS = {"hold out": "holdout", "held out": "holdout", "cross validation": "validation"}
_PAIRS |= {"train val": "trainval", "train valid": "trainval", "train validation": "trainval"}
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_WORD = re.compile(r"[^\W\d_]+|\d+")


def words(name: str) -> list[str]:
    """Return the words and numbers of a name in lower case: `PatientID_2` is patient, id, 2."""
    spaced = _CAMEL.sub(" ", unicodedata.normalize("NFKC", name))
    return [word.casefold() for word in _WORD.findall(spaced)]


def read_split_names(names: Iterable[str]) -> dict[str, str]:
    """Return name -> split, for the names that are those of a split.

    Numbers and words such as "set" or "images" mean nothing, and so do words that all names of a
    split share: `seg_train` and `seg_test` are a split, `test_tube` is none.
    """
    parts = {name: _parts(unicodedata.normalize("NFKC", name)) for name in names}
    splits = {name: next(iter(found)) for name, (found, _) in parts.items() if len(found) == 1}
    rests = {name: parts[name][1] for name in splits}
    shared = frozenset.intersection(*rests.values()) if len(set(splits.values())) > 1 else set()
    return {name: split for name, split in splits.items() if not rests[name] - shared}


def without_unused_test(split_of: Mapping[str, str]) -> dict[str, str]:
    """Let validation be the test split where there is none: it is what there is to test on."""
    if TEST in split_of.values():
        return dict(split_of)
    return {name: TEST if split == VALIDATION else split for name, split in split_of.items()}


def parse_choices(choices: Iterable[str]) -> dict[str, str]:
    """Read `NAME=SPLIT` of the option `--split`, which may be repeated.

    Raises:
        DataError: no "=", or no split after it; the message names all.
    """
    pairs = [choice.rpartition("=") for choice in choices]
    wrong = [f"{n}{sign}{s}" for n, sign, s in pairs if not sign or s.strip() not in SPLITS]
    if wrong:
        raise DataError(
            f"--split {', '.join(map(repr, wrong))}: expected NAME=SPLIT, where SPLIT is one of "
            + ", ".join(SPLITS)
        )
    return {name: split.strip() for name, _, split in pairs}


def _parts(name: str) -> tuple[frozenset[str], frozenset[str]]:
    """Return the splits that words of a name mean, and its other words that mean something."""
    tokens = [token for part in _WORD.findall(name) for token in _own_words(part)]
    text = " ".join(tokens)
    for pair, word in _PAIRS.items():
        text = re.sub(rf"\b{pair}\b", word, text)
    splits, rest = set(), set()
    for word in text.split():
        split = _split_of_word(word)
        if split:
            splits.add(split)
        elif word not in _NO_MEANING and not word.isdecimal():
            rest.add(word)
    return frozenset(splits), frozenset(rest)


def _own_words(token: str) -> list[str]:
    """Return the words of a token without a separator; `tEsT` is one, `TrainImages` are two."""
    whole = token.casefold()
    return [whole] if _split_of_word(whole) else words(token)


def _split_of_word(word: str) -> str:
    """Return the split that a word means, also in one with "set" or "images"; else ""."""
    if word in _SPLIT_OF or word in _NO_MEANING:
        return _SPLIT_OF.get(word, "")
    for name, split in _SPLIT_OF.items():
        if {word.removeprefix(name), word.removesuffix(name)} & _NO_MEANING:
            return split
    return ""

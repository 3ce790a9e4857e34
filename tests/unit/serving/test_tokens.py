import hashlib
import json
import re

import pytest

from lradapt.serving import tokens
from lradapt.serving.tokens import TokensError, hashed, new_token, owner_of, read_tokens


def test_an_entry_knows_its_token_and_no_other():
    anna, ben = new_token(), new_token()
    accepted = read_tokens(f"{hashed('anna', anna)}, {hashed('ben', ben)}\n")
    found = [owner_of(token, accepted) for token in (anna, ben, anna[:-1], new_token(), "")]
    assert found == ["anna", "ben", None, None, None]


def test_several_tokens_may_have_one_name_so_that_they_can_be_replaced():
    old, new = new_token(), new_token()
    accepted = read_tokens(f"{hashed('anna', old)} {hashed('anna', new)}")
    assert {owner_of(token, accepted) for token in (old, new)} == {"anna"}


def test_the_hash_is_the_sha256_of_the_token_in_either_case():
    digest = hashlib.sha256(b"abc").hexdigest()
    assert hashed("x", "abc") == f"x:{digest}"
    assert owner_of("abc", read_tokens(f"x:{digest.upper()}")) == "x"


def test_a_token_is_compared_with_all_of_them_in_constant_time(monkeypatch):
    compared, compare = [], tokens.hmac.compare_digest
    monkeypatch.setattr(
        tokens.hmac, "compare_digest", lambda a, b: compared.append(len(b)) or compare(a, b)
    )
    accepted = read_tokens(" ".join(hashed(name, name) for name in "abc"))
    assert owner_of("a", accepted) == "a"
    assert compared == [32, 32, 32]


def test_tokens_are_random_and_recognisable():
    made = {new_token() for _ in range(20)}
    assert len(made) == 20
    assert all(re.fullmatch(r"lradapt_[\w-]{43}", token) for token in made)


def test_without_the_variable_there_are_no_tokens():
    assert read_tokens(None) == []


@pytest.mark.parametrize("text", ["", "  ", ",\n"])
def test_an_empty_variable_is_refused_because_it_would_open_the_endpoint(text):
    with pytest.raises(TokensError, match="is set but empty"):
        read_tokens(text)


SECRET = "lradapt_secret"


@pytest.mark.parametrize(
    "entry",
    [SECRET, f"anna:{SECRET}", "anna:" + "0" * 63, "anna:" + "g" * 64, ":" + "0" * 64, "0" * 64],
)
def test_a_malformed_entry_is_named_by_its_number_and_not_shown(entry):
    with pytest.raises(TokensError) as refused:
        read_tokens(f"{hashed('ben', 'b')},{entry}")
    assert str(refused.value).startswith("entry 2 of 2 in LRADAPT_TOKENS is malformed")
    assert entry not in str(refused.value)
    assert SECRET not in str(refused.value)


def test_a_hash_is_not_in_the_representation_of_a_token():
    (one,) = read_tokens(hashed("anna", "a"))
    assert repr(one) == "AcceptedToken(name='anna')"


def test_the_command_prints_a_token_and_the_entry_that_knows_it(lradapt):
    output = lradapt("token", "anna")
    token, entry = re.fullmatch(
        r"token: (\S+)\nentry of LRADAPT_TOKENS: (\S+)\n", output.out
    ).groups()
    assert (output.code, owner_of(token, read_tokens(entry))) == (0, "anna")


def test_the_command_prints_both_as_json(lradapt):
    made = json.loads(lradapt("token", "anna", "--json").out)
    assert owner_of(made["token"], read_tokens(made["entry"])) == "anna"


@pytest.mark.parametrize("name", ["", "a b", "a:b", "a,b", "x" * 41])
def test_the_command_refuses_a_name_that_no_entry_may_have(lradapt, name):
    output = lradapt("token", name)
    assert (output.code, output.out) == (1, "")
    assert output.err.startswith(f"error: the name '{name}' of a token; expected 1 to 40")


def test_serve_refuses_a_malformed_variable_before_it_listens(lradapt, monkeypatch):
    monkeypatch.setenv("LRADAPT_TOKENS", SECRET)
    output = lradapt("serve")
    assert (output.code, output.out) == (1, "")
    assert output.err.startswith("error: entry 1 of 1 in LRADAPT_TOKENS is malformed")
    assert SECRET not in output.err

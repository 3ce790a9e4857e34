"""A run whose result nobody would trust ends before it trains."""

import pytest

from flows.retrain import retrain
from lradapt.registry.store import NotTrustedError
from lradapt.signing.keys import new_key


def test_a_run_without_a_private_key_ends_at_once_where_keys_are_trusted(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "trusted_keys.txt").write_text(f"anna {new_key().public.text}\n")
    with pytest.raises(NotTrustedError, match="no private key to sign with"):
        retrain.fn()
    assert [path.name for path in tmp_path.iterdir()] == ["trusted_keys.txt"]

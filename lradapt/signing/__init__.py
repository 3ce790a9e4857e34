"""Keys that sign, and the keys that a reader trusts: Ed25519, by the library `cryptography`.

What is signed and when is decided in `lradapt.registry`.
"""

"""Addresses on which a server listens."""

import socket


def own_address(listener: socket.socket) -> None:
    """Let a server start again at once on an address, and nobody else listen on it meanwhile.

    The option that Unix needs for the first would let any program share the address on Windows.
    """
    if hasattr(socket, "SO_EXCLUSIVEADDRUSE"):
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
    else:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)

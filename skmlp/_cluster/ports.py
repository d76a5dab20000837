"""Holds a free port by a socket until a training process listens on the port."""

import socket


def hold_port(host: str) -> tuple[socket.socket, str]:
    """Return a socket that holds a free port, and the host and the port as a string.

    Parameters
    ----------
    host : str
        An address at which other machines reach this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    holder = socket.socket(family, socket.SOCK_STREAM)
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    holder.bind((host, 0))
    port = holder.getsockname()[1]
    return holder, f"[{host}]:{port}" if family == socket.AF_INET6 else f"{host}:{port}"

"""The port that a training process is to listen on, which a socket holds until it does."""

import socket


def hold_port(host: str) -> tuple[socket.socket, str]:
    """Return a socket that holds a free port, and the address of both.

    Parameters
    ----------
    host : str
        An address of this machine, at which others reach it.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    holder = socket.socket(family, socket.SOCK_STREAM)
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    holder.bind((host, 0))
    port = holder.getsockname()[1]
    return holder, f"[{host}]:{port}" if family == socket.AF_INET6 else f"{host}:{port}"

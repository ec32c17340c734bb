"""Which names the app answers to, so that other pages of a visitor's browser cannot use it."""

import ipaddress
import socket
from collections.abc import Iterable
from urllib.parse import urlsplit

EVERYWHERE = ('0.0.0.0', '::')  # addresses to listen at, which are no names


class Hosts:
    """The names and addresses of the app.

    A page elsewhere can point its own name at this machine (DNS rebinding), or send forms to the app: browsers tell the
    name in ``Host`` and the page in ``Origin``. An address of numbers belongs to nobody's page, so every one is taken.

    Args:
        host: the address that the app listens at.
        names: further names by which visitors reach it, such as that of a proxy before it.
    """

    def __init__(self, host: str, names: Iterable[str] = ()) -> None:
        own = [socket.gethostname(), socket.getfqdn()] if host in EVERYWHERE else [host]
        self.names = {name.casefold() for name in ('localhost', *own, *names)}

    def __contains__(self, netloc: str) -> bool:
        """Whether ``NAME[:PORT]`` is one of the app's."""
        try:
            name = urlsplit(f'//{netloc}').hostname or ''
        except ValueError:
            return False
        return name in self.names or _is_address(name)

    def allows(self, origin: str, netloc: str) -> bool:
        """Whether a page may send something: one of the app itself, or of a name that the operator gave.

        Args:
            origin: the ``Origin`` of the request, such as ``'http://localhost:7860'``.
            netloc: its ``Host``.
        """
        try:
            page = urlsplit(origin)
            # a proxy may tell us its own name for the host
            return page.netloc == netloc or page.hostname in self.names - {'localhost'}
        except ValueError:
            return False


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True

"""Which names the app answers to, so that other pages of a visitor's browser cannot use it."""

import ipaddress
import re
import socket
from collections.abc import Iterable
from urllib.parse import urlsplit

EVERYWHERE = ('0.0.0.0', '::')  # addresses to listen at, which are no names
NAME = re.compile(r'[a-z0-9._-]+', re.IGNORECASE)  # as browsers write it in Host, whatever its script


class Hosts:
    """The names and addresses of the app.

    A page elsewhere can point its own name at this machine (DNS rebinding), or send forms to the app: browsers tell the
    name in ``Host`` and the page in ``Origin``. An address of numbers belongs to nobody's page, so every one is taken.

    Args:
        host: the address that the app listens at.
        names: further names by which visitors reach it, such as that of a proxy before it; their pages may use the app
            from any port, as a proxy may tell its own name for the host.
    """

    def __init__(self, host: str, names: Iterable[str] = ()) -> None:
        own = [socket.gethostname(), socket.getfqdn()] if host in EVERYWHERE else [host]
        self.named = {name.casefold() for name in names}
        self.names = {name.casefold() for name in ('localhost', *own)} | self.named

    def __contains__(self, netloc: str) -> bool:
        """Whether ``NAME[:PORT]`` is one of the app's."""
        try:
            name = urlsplit(f'//{netloc}').hostname or ''
        except ValueError:
            return False
        return name in self.names or _is_address(name)

    def allows(self, origin: str, netloc: str) -> bool:
        """Whether a page may use the app: one of the app itself, or of a name that the operator gave.

        Args:
            origin: the ``Origin`` of the request, such as ``'http://localhost:7860'``.
            netloc: its ``Host``.
        """
        try:
            page = urlsplit(origin)
            return page.netloc == netloc or page.hostname in self.named
        except ValueError:
            return False


def check_names(names: Iterable[str]) -> None:
    """Refuses what no browser tells as the name of a host, since it would never match.

    Raises:
        ValueError: if one has a scheme, a port or a path, or letters that browsers write otherwise.
    """
    for name in names:
        if not (NAME.fullmatch(name) or _is_address(name)):
            raise ValueError(
                f'{name!a} is no name of a host: leave out https://, port and path, and write letters beyond a to z as '
                'browsers send them (xn--…).'
            )


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True

"""A message to an https address: no redirects, and no private address unless that is allowed.

The address is looked up once, and that address is connected to: a name that leads elsewhere a moment later
(DNS rebinding) leads nowhere here. Proxies of the environment are not used, for they would look it up anew.
"""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
from urllib.parse import urlsplit

_TIMEOUT = 10.0  # seconds
# NAT64: the last 32 bits are the address of IPv4 that is reached (RFC 6052 and 8215).
_TRANSLATED = (ipaddress.IPv6Network("64:ff9b::/96"), ipaddress.IPv6Network("64:ff9b:1::/48"))


class NotSent(Exception):
    """The message was not taken; the text says why, and never the path, which is often a secret."""


class _PinnedConnection(http.client.HTTPSConnection):
    """A connection to one address, with the certificate of the name."""

    def __init__(self, host: str, port: int, address: str) -> None:
        self._secure = ssl.create_default_context()
        super().__init__(host, port, timeout=_TIMEOUT, context=self._secure)
        self._address = address

    def connect(self) -> None:
        plain = socket.create_connection((self._address, self.port), self.timeout)
        self.sock = self._secure.wrap_socket(plain, server_hostname=self.host)


def post(url: str, body: bytes, *, private: bool) -> None:
    """Send a JSON text; raises NotSent."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme != "https" or not host or parts.username is not None:
        raise NotSent("the webhook is no https:// address")
    try:
        port = parts.port or 443
        address = _address(host, port, private=private)
        connection = _PinnedConnection(host, port, address)
        try:
            path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            headers = {"Content-Type": "application/json", "User-Agent": "gitexp"}
            connection.request("POST", path, body, headers)
            status = connection.getresponse().status
        finally:
            connection.close()
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise NotSent(f"{host} cannot be reached: {_reason(error)}") from None
    if 300 <= status < 400:
        raise NotSent(f"{host} answers with a redirect ({status}), and none is followed")
    if not 200 <= status < 300:
        raise NotSent(f"{host} answers with {status}")


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted, {error.verify_message}"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _address(host: str, port: int, *, private: bool) -> str:
    """The address of a host; raises NotSent for a private one, unless it is allowed, and OSError."""
    found = [str(each[4][0]) for each in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    if not private and not all(map(_is_public, found)):
        raise NotSent(f"{host} has a private address; 'private: true' beside the webhook allows it")
    return found[0]


def _is_public(address: str) -> bool:
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.is_site_local or int(ip) < 1 << 32:  # addresses of old standards, which lead to private ones
            return False
        embedded = ip.ipv4_mapped or ip.sixtofour
        if any(ip in network for network in _TRANSLATED):
            embedded = ipaddress.IPv4Address(int(ip) & 0xFFFF_FFFF)
        return _is_global(embedded or ip)
    return _is_global(ip)


def _is_global(ip: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    return ip.is_global and not ip.is_multicast

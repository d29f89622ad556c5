"""How others on the local network reach a server: its address, and a code for their phones."""

import io
import socket
import sys

import click

EVERYWHERE = {"0.0.0.0": socket.AF_INET, "::": socket.AF_INET6}  # noqa: S104 (compared, not bound)
ELSEWHERE = {socket.AF_INET: "192.0.2.1", socket.AF_INET6: "2001:db8::1"}  # RFC 5737, RFC 3849


def lan_address(host: str) -> str | None:
    """Return this machine's address on the network that leads elsewhere.

    Args:
        host: what the server listens at; only of one that listens everywhere there is more to say.
    """
    family = EVERYWHERE.get(host)
    if family is None:
        return None
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((ELSEWHERE[family], 9))  # chooses a route; nothing is sent
        except OSError:  # no network
            return None
        return str(probe.getsockname()[0])


def invite(url: str) -> None:
    """Say where phones on the same network find the server, with a QR code in a terminal."""
    click.echo(f"On the same network: {url}")
    if sys.stdout.isatty():
        click.echo(qr_code(url))


def qr_code(url: str) -> str:
    """Draw a QR code in half blocks (ISO/IEC 18004, made by segno)."""
    import segno

    drawn = io.StringIO()
    segno.make(url, micro=False).terminal(drawn, compact=True)
    return drawn.getvalue()

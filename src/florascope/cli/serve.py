"""`florascope serve`: the app on this machine."""

import errno
import io
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from florascope.cli.console import LOCAL_PATH, note, open_data
from florascope.errors import FlorascopeError
from florascope.progress import progress_bars

if TYPE_CHECKING:
    import socket

    from florascope.app.collection import Collection
    from florascope.app.similar import Album
    from florascope.data.dataset import ClassName
    from florascope.identify.identifier import Identifier

BACKLOG = 2048  # connections that wait to be taken: uvicorn's own number
LOOPBACK = ("localhost", "127.0.0.1", "::1")
EVERYWHERE = {"0.0.0.0": "192.0.2.1", "::": "2001:db8::1"}  # noqa: S104 (compared, not bound)
"""What listens at every address, with an address elsewhere of its kind (RFC 5737, RFC 3849)."""


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(0, 65535))
@click.option("--model", help="BUNDLE: a folder, or the name of a shipped model.")
@click.option(
    "--allow-host",
    "hosts",
    multiple=True,
    metavar="NAME",
    help="A name under which the server may be called, besides this machine's own; '*' for any.",
)
@click.option(
    "--allow-origin",
    "origins",
    multiple=True,
    metavar="ORIGIN",
    help="A site, such as https://example.org, whose pages may send photos here.",
)
@click.option(
    "--photos",
    metavar="DATA",
    help="Labelled photos, whose nearest are shown beside an answer: whoever reaches the server"
    " sees them small.",
)
@click.option(
    "--collect",
    type=LOCAL_PATH,
    help="Let people say what a photo shows, and keep those photos in class folders in this one.",
)
@click.option(
    "--prior",
    type=LOCAL_PATH,
    help="A CSV that says how likely each class is by month and place (docs/prior.md).",
)
@click.option(
    "--allow-outdated",
    is_flag=True,
    help="Serve other machines although a package has known holes.",
)
def serve(  # noqa: PLR0913 (one an option)
    host: str,
    port: int,
    model: str | None,
    hosts: tuple[str, ...],
    origins: tuple[str, ...],
    *,
    photos: str | None,
    collect: Path | None,
    prior: Path | None,
    allow_outdated: bool,
) -> None:
    """Answer photos at http://HOST:PORT, in a page and as an API, without loading torch."""
    import uvicorn

    from florascope.app.guards import Access
    from florascope.app.limits import Limits, protocol_with_timeouts
    from florascope.app.server import create_app
    from florascope.bundle.config import find_bundle
    from florascope.cli.identify import default_model
    from florascope.identify.identifier import Identifier
    from florascope.identify.prior import read_prior

    check_versions(host, allowed=allow_outdated)
    place = bound(host, port)  # first: nothing else needs to be done where it is taken
    limits = Limits()
    identifier = Identifier(find_bundle(model or default_model()))
    classes = identifier.config.classes
    identifier.prior = None if prior is None else read_prior(prior, classes)
    collection = None if collect is None else _collection(collect, classes)
    access = Access(allowed(host, hosts), frozenset(map(as_origin, origins)))
    album = None if photos is None else _album(identifier, photos)
    config = uvicorn.Config(
        create_app(identifier, limits, access, album, collection),
        http=protocol_with_timeouts(limits),
        ws="none",
        log_level="warning",
        server_header=False,
        date_header=False,
        timeout_graceful_shutdown=10,
    )
    place.listen(BACKLOG)  # from here on requests wait for their answer
    port = place.getsockname()[1]
    click.echo(f"florascope answers at http://{_shown(host)}:{port} (stop it with Ctrl+C)")
    if address := lan_address(host):
        invite(f"http://{_shown(address)}:{port}")
    uvicorn.Server(config).run(sockets=[place])


def check_versions(host: str, *, allowed: bool) -> None:
    """Keep packages with known holes from strangers: a note at a loopback address, else a refusal.

    Args:
        host: what the server listens at.
        allowed: a note will do.

    Raises:
        FlorascopeError: other machines could reach them.
    """
    from florascope.app.guards import outdated

    told = "; ".join(map(str, outdated()))
    if not told:
        return
    fix = "Update with: pip install --upgrade 'florascope[serve]'"
    if host in LOOPBACK or allowed:
        note(f"Known holes, so let no stranger send photos here: {told}. {fix}")
        return
    raise FlorascopeError(
        f"packages with known holes would answer other machines: {told}",
        expected=f"newer ones, or --host {LOOPBACK[1]}",
        fix=f"{fix}. --allow-outdated serves all the same",
    )


def bound(host: str, port: int) -> "socket.socket":
    """Take a port, 0 for a free one, without answering there yet.

    Raises:
        FlorascopeError: it is taken or may not be used, or the host is not this machine.
    """
    import socket

    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        place = socket.socket(family, socket.SOCK_STREAM)
        if os.name == "posix":  # elsewhere it would let two servers share a port
            place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            place.bind(address)
        except OSError:
            place.close()
            raise
    except OSError as error:
        taken = error.errno == errno.EADDRINUSE
        found = f"port {port} of {host} is in use" if taken else f"{host}:{port}: {error.strerror}"
        if taken or error.errno == errno.EACCES:
            expected = "a free port of this machine (--host, --port)"
            fix = "Choose another with --port; --port 0 takes a free one"
        else:
            expected = "an address of this machine (--host)"
            fix = f"--host {LOOPBACK[1]} answers this machine alone, --host 0.0.0.0 others, too"
        raise FlorascopeError(found, expected=expected, fix=fix) from error
    return place


def _collection(folder: Path, classes: tuple["ClassName", ...]) -> "Collection":
    """Open a collection's folder.

    Raises:
        FlorascopeError: it cannot be written.
    """
    from florascope.app.collection import Collection

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FlorascopeError(
            f"--collect {folder} ({error.strerror})", expected="a folder that can be written"
        ) from error
    if not os.access(folder, os.W_OK):
        raise FlorascopeError(f"--collect {folder} cannot be written", expected="another folder")
    return Collection(folder, classes)


def _album(identifier: "Identifier", photos: str) -> "Album":
    from florascope.app.similar import open_album

    with progress_bars() as progress:
        dataset = open_data(photos, None, progress)
        album = open_album(identifier, dataset, progress)
    note(f"{len(album.photos):,} of {len(dataset):,} photos to compare with")
    return album


def allowed(host: str, hosts: tuple[str, ...]) -> frozenset[str]:
    """Return the names under which the server may be called; empty for any ("*")."""
    if "*" in hosts:
        return frozenset()
    import socket

    own = socket.gethostname().lower()
    known = (host, *LOOPBACK, own, f"{own.partition('.')[0]}.local", *hosts)
    return frozenset(name.lower() for name in known)


def as_origin(text: str) -> str:
    """Return an origin as browsers send it.

    Raises:
        FlorascopeError: it is none.
    """
    parts = urlsplit(text.rstrip("/"))
    if parts.scheme not in {"http", "https"} or not parts.netloc or parts.path or parts.query:
        raise FlorascopeError(
            f"--allow-origin {text}", expected="a scheme and a name, such as https://example.org"
        )
    return f"{parts.scheme}://{parts.netloc.lower()}"


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def lan_address(host: str) -> str | None:
    """Return this machine's address on the network that leads elsewhere.

    Args:
        host: what the server listens at; only of one that listens everywhere there is more to say.
    """
    import socket

    elsewhere = EVERYWHERE.get(host)
    if elsewhere is None:
        return None
    family = socket.AF_INET6 if ":" in elsewhere else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((elsewhere, 9))  # chooses a route; nothing is sent
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

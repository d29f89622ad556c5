"""`florascope serve`: the app on this machine."""

from typing import TYPE_CHECKING

import click

from florascope.cli.console import note
from florascope.progress import progress_bars

if TYPE_CHECKING:
    from florascope.app.similar import Album
    from florascope.identify.identifier import Identifier

LOOPBACK = ("localhost", "127.0.0.1", "::1")


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(0, 65535))
@click.option("--model", help="BUNDLE: a folder, or the name of a shipped model.")
@click.option(
    "--allow-host",
    "hosts",
    multiple=True,
    metavar="NAME",
    help="A name under which the server may be called, besides this machine's own.",
)
@click.option(
    "--photos",
    metavar="DATA",
    help="Labelled photos, whose nearest are shown beside an answer: whoever reaches the server"
    " sees them small.",
)
def serve(
    host: str, port: int, model: str | None, hosts: tuple[str, ...], photos: str | None
) -> None:
    """Answer photos at http://HOST:PORT, in a page and as an API, without loading torch."""
    import uvicorn

    from florascope.app.connection import protocol_with_timeouts
    from florascope.app.limits import Limits
    from florascope.app.server import create_app
    from florascope.bundle.config import find_bundle
    from florascope.cli.identify import default_model
    from florascope.identify.identifier import Identifier

    limits = Limits()
    identifier = Identifier(find_bundle(model or default_model()))
    album = None if photos is None else _album(identifier, photos)
    config = uvicorn.Config(
        create_app(identifier, limits, allowed(host, hosts), album),
        host,
        port,
        http=protocol_with_timeouts(limits),
        ws="none",
        log_level="warning",
        server_header=False,
        date_header=False,
        timeout_graceful_shutdown=10,
    )
    click.echo(f"florascope answers at http://{_shown(host)}:{port} (stop it with Ctrl+C)")
    uvicorn.Server(config).run()


def _album(identifier: "Identifier", photos: str) -> "Album":
    from florascope.app.similar import open_album
    from florascope.source import open_dataset

    with progress_bars() as progress:
        dataset = open_dataset(photos, progress=progress)
        album = open_album(identifier, dataset, progress)
    note(f"{len(album.photos):,} of {len(dataset):,} photos to compare with")
    return album


def allowed(host: str, hosts: tuple[str, ...]) -> frozenset[str]:
    """Return the names under which the server may be called; empty for any.

    On an address that others reach, any name is allowed unless some are given.
    """
    if host in LOOPBACK or hosts:
        return frozenset((host, *LOOPBACK, *hosts))
    return frozenset()


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host

"""`florascope serve`: the app on this machine."""

import click

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
def serve(host: str, port: int, model: str | None, hosts: tuple[str, ...]) -> None:
    """Answer photos at http://HOST:PORT, in a page and as an API, without loading torch."""
    import uvicorn

    from florascope.app.connection import punctual
    from florascope.app.limits import Limits
    from florascope.app.server import create_app
    from florascope.cli.identify import default_model
    from florascope.model.bundle import find_bundle
    from florascope.runtime.identifier import Identifier

    limits = Limits()
    identifier = Identifier(find_bundle(model or default_model()))
    config = uvicorn.Config(
        create_app(identifier, limits, allowed(host, hosts)),
        host,
        port,
        http=punctual(limits),
        ws="none",
        log_level="warning",
        server_header=False,
        date_header=False,
        timeout_graceful_shutdown=10,
    )
    click.echo(f"florascope answers at http://{_shown(host)}:{port} (stop it with Ctrl+C)")
    uvicorn.Server(config).run()


def allowed(host: str, hosts: tuple[str, ...]) -> frozenset[str]:
    """Return the names under which the server may be called; empty for any.

    On an address that others reach, any name is allowed unless some are given.
    """
    if host in LOOPBACK or hosts:
        return frozenset((host, *LOOPBACK, *hosts))
    return frozenset()


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host

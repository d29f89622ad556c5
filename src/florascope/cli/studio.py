"""`florascope studio`: the workbench in the browser, on this machine alone."""

import webbrowser
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import click

from florascope.cli.console import LOCAL_PATH
from florascope.cli.serve import BACKLOG, LOOPBACK, bound
from florascope.errors import FlorascopeError

if TYPE_CHECKING:
    from filelock import FileLock

HOST = "127.0.0.1"
STARTED = "florascope studio"
NAME = "florascope-studio"


@click.command()
@click.argument("photos", required=False, type=LOCAL_PATH)
@click.option(
    "--project",
    type=LOCAL_PATH,
    help="Folder that keeps labels, edits and runs.  [default: NAME-studio, of PHOTOS, here]",
)
@click.option("--port", default=0, show_default="a free one", type=click.IntRange(0, 65535))
@click.option("--open/--no-open", "opened", default=True, help="Open it in the browser.")
def studio(photos: Path | None, project: Path | None, port: int, *, opened: bool) -> None:
    """Sort, mend, train and look, in the browser: for those who do not type.

    PHOTOS: a folder of class folders or a list (.csv) of this machine; it is never changed. Without
    it, photos are dropped into the page and copied into the project.
    """
    import secrets

    import uvicorn

    from florascope.app.guards import Access
    from florascope.app.limits import Limits, protocol_with_timeouts
    from florascope.studio.project import Project
    from florascope.studio.server import create_studio

    if find_spec("torch") is None:  # missed here, before anybody has sorted photos
        raise ModuleNotFoundError("torch", name="torch")
    if photos is not None and not photos.exists():
        raise FlorascopeError(f"{photos} is not there", expected="a folder of photos, or a list")
    place = bound(HOST, port)
    folder = project or Path(NAME if photos is None else f"{photos.absolute().stem}-studio")
    opened_project = Project.open(folder, photos)
    held = _held(folder)
    token = secrets.token_urlsafe(18)
    config = uvicorn.Config(
        create_studio(opened_project, token, Access(frozenset(LOOPBACK)), STARTED),
        http=protocol_with_timeouts(Limits()),
        ws="none",
        log_level="warning",
        server_header=False,
        date_header=False,
        timeout_graceful_shutdown=2,
    )
    place.listen(BACKLOG)
    address = f"http://{HOST}:{place.getsockname()[1]}/{token}/"
    click.echo(f"{STARTED}: {address} (stop it with Ctrl+C)")
    click.echo(f"Project: {folder}")
    if opened:
        webbrowser.open(address)
    with held:
        uvicorn.Server(config).run(sockets=[place])


def _held(project: Path) -> "FileLock":
    """Hold a project, so that no two studios write its file by turns.

    Raises:
        FlorascopeError: another one holds it.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(project / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise FlorascopeError(
            f"a studio is open on {project} already",
            expected="one at a time",
            fix="Use that one's page, or another --project",
        ) from error
    return lock

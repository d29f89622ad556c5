"""An app on a free port of this machine, in this process."""

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import uvicorn


@contextmanager
def served(app: Any, **settings: Any) -> Iterator[str]:
    """Serve an ASGI app while the context lasts; its address. Settings are uvicorn's."""
    one = uvicorn.Server(uvicorn.Config(app, log_level="critical", **settings))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(
            target=lambda: asyncio.run(one.serve(sockets=[listening])), daemon=True
        )
        thread.start()
        deadline = time.monotonic() + 60
        while not one.started:
            if time.monotonic() > deadline:
                pytest.fail("the app did not start")
            time.sleep(0.01)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        one.should_exit = True
        thread.join(20)

"""Photos are answered, and answers written, beside the event loop."""

import threading
from typing import Any

import httpx
import pytest

from florascope.app import server as app
from florascope.app.limits import Limits
from florascope.identify.identifier import Identifier

from .conftest import Serve


@pytest.mark.parametrize(
    ("maker", "path", "accept"),
    [
        ("answer", "/api/identify", "*/*"),
        ("evidence_map", "/api/explain?class_id=1", "*/*"),
        ("index_of", "/api/explain?class_id=1", "image/png"),
    ],
)
def test_answers_are_written_by_the_worker(
    identifier: Identifier,
    photo: bytes,
    serve: Serve,
    monkeypatch: pytest.MonkeyPatch,
    maker: str,
    path: str,
    accept: str,
) -> None:
    honest, names = getattr(app, maker), []

    def watched(*given: Any) -> Any:
        names.append(threading.current_thread().name)
        return honest(*given)

    monkeypatch.setattr(app, maker, watched)
    server = serve(identifier, Limits())
    asked = httpx.post(f"{server}{path}", content=photo, headers={"accept": accept}, timeout=60)
    assert asked.status_code == 200
    assert names
    assert all(name.startswith("answer") for name in names)

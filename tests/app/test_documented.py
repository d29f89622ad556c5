"""docs/api.md against the API's own description."""

import re
from pathlib import Path

from starlette.datastructures import Headers

from florascope.app import collection
from florascope.app.guards import Access
from florascope.app.limits import Limits
from florascope.app.problem import busy
from florascope.app.server import create_app
from florascope.app.similar import LARGE, LIMITS, SIDE, UNKNOWN
from florascope.app.upload import CURES, NO_FORM
from florascope.identify.identifier import Identifier
from florascope.identify.together import MOST
from florascope.images import MAX_PIXELS

TEXT = (Path(__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8")


def test_every_endpoint_has_its_section(identifier: Identifier) -> None:
    described = create_app(identifier).app.openapi()["paths"]  # type: ignore[attr-defined]
    promised = {f"{way.upper()} {path}" for path, ways in described.items() for way in ways}
    assert set(re.findall(r"^## `(.+)`$", TEXT, re.MULTILINE)) == promised


def test_the_limits_are_the_servers() -> None:
    own = Limits()
    for said in (
        f"| {own.max_bytes // 2**20} MB | 413 |",
        f"| {own.several_bytes // 2**20} MB, {MOST} | 413 |",
        f"| {collection.MOST:,} | 507 |",
        f"at most {LARGE} pixels a side",
        f"| {own.held_bytes // 2**20} MB | 429 |",
        f"| {MAX_PIXELS // 10**6} million | 422 |",
        f"| one a core, {own.waiting} | 429 |",
        f"| {LIMITS.workers}, {LIMITS.waiting} | 429 |",
        f"| {own.seconds:g} | 408 |",
        f"| {own.header_seconds:g} | the connection is closed |",
        f"at most {SIDE} pixels a side",
    ):
        assert said in TEXT, said


def test_sentences_are_the_servers() -> None:
    assert busy().detail in TEXT
    assert NO_FORM in TEXT
    assert collection.CLOSED in TEXT
    assert UNKNOWN.replace("`", r"\`") in TEXT
    assert all(cure in TEXT for kind, cure in CURES.items() if kind in {"gzip", "JSON"})


def test_what_the_guards_refuse_is_quoted_word_for_word() -> None:
    access = Access(hosts=frozenset({"localhost"}))
    for headers in (
        {"host": "rebound.example"},
        {"host": "localhost", "sec-fetch-site": "cross-site"},
    ):
        refusal = access.objection("POST", Headers(headers))
        assert refusal is not None
        status, told = refusal
        assert f"| {status.value} | {told} |" in TEXT

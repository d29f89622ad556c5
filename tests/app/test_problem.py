"""Problems are said in the language that a request asks for, and each has its Spanish."""

import ast
import gzip
from http import HTTPStatus
from importlib import import_module
from pkgutil import iter_modules

import httpx
import pytest
from tests.support.spoken import Speech, untold

import florascope.app
import florascope.studio
from florascope.app.problem import accepted, said
from florascope.app.upload import CURES, SIGNATURES
from florascope.errors import DataError, PhotoError
from florascope.sentences import NARROW, Told

CALLS = {
    "Refusal": (1, "detail"),
    "problem": (1, "detail"),
    **dict.fromkeys(
        ("PhotoError", "DataError", "ExplanationError"), (0, "found", "expected", "fix")
    ),
}
PACKAGES = (florascope.app, florascope.studio)
OTHERS = ("images", "identify.identification", "identify.together")
MODULES = [
    *(f"{p.__name__}.{module.name}" for p in PACKAGES for module in iter_modules(p.__path__)),
    *(f"florascope.{name}" for name in OTHERS),
]
HELP = "Add each to src/florascope/texts/problem.es.json, {} for what is known at run time alone"


@pytest.mark.parametrize("name", MODULES)
def test_every_sentence_of_a_problem_has_its_spanish(name: str) -> None:
    speech = Speech(import_module(name))
    sentences = speech.reaching(CALLS) | speech.returned("objection", 1)
    assert untold("problem", sentences) == [], HELP


def test_names_of_what_is_no_photo_have_their_spanish() -> None:
    assert untold("problem", [*(kind for *_, kind in SIGNATURES), *CURES]) == [], HELP


def test_every_title_has_its_spanish() -> None:
    trees = [Speech(import_module(name)).tree for name in MODULES]
    used = {getattr(node, "attr", "") for tree in trees for node in ast.walk(tree)}
    phrases = {status.phrase for status in HTTPStatus if status.name in used and status >= 400}
    assert len(phrases) > 10
    assert untold("problem", phrases) == [], HELP


def test_an_error_is_said_sentence_by_sentence() -> None:
    error = PhotoError(
        "x.jpg has 60,000 bytes", expected="at most 50,000", fix="Make it smaller first"
    )
    text = f"x.jpg tiene 60{NARROW}000 bytes. Se espera: como máximo 50{NARROW}000."
    assert said(error, "es") == Told(f"{text} Hágala antes más pequeña.", "es")
    assert said(error, "en") == Told(str(error), "en")


def test_an_error_is_not_said_in_two_languages() -> None:
    error = DataError("half of a place", expected="the other half, of course")
    assert said(error, "es") == Told(str(error), "en")


PHOTO = b"\x89PNG no photo"


@pytest.mark.parametrize(
    ("path", "content", "status", "words"),
    [
        ("/api/identify", b"", 400, "No llegó ninguna foto"),
        (
            "/api/identify",
            b"hello",
            422,
            "la foto no es una foto que se pueda leer. Se espera: uno de ",
        ),
        (
            "/api/identify",
            gzip.compress(b"x"),
            415,
            "Esto es gzip, no una foto. Envíe la",
        ),
        ("/api/identify", b"{}", 415, "Esto es JSON, no una foto."),
        ("/api/identify", b"PK\x03\x04", 415, "Esto es un archivo ZIP, no una foto. Descomprímalo"),
        ("/api/identify?top=0", PHOTO, 422, "top: debe ser al menos 1."),
        ("/api/identify?top=x", PHOTO, 422, "top: debe ser un número entero."),
        ("/api/identify?language=fr", PHOTO, 422, "language: debe ser 'en' o 'es'."),
        (
            "/api/identify?latitude=5",
            PHOTO,
            422,
            "la mitad de un lugar. Se espera: latitud y longitud.",
        ),
        ("/api/explain", PHOTO, 422, "class_id: falta este dato."),
        ("/api/identify/several", PHOTO, 400, "No llegaron fotos."),
        ("/api/nothing", PHOTO, 404, "No hay nada en /api/nothing."),
        ("/api/model", PHOTO, 405, "POST no funciona en /api/model."),
    ],
)
def test_problems_in_spanish(
    server: str, path: str, content: bytes, status: int, words: str
) -> None:
    headers = {"accept-language": "es-AR,es;q=0.9,en;q=0.5"}
    found = httpx.post(f"{server}{path}", content=content, headers=headers, timeout=60)
    told = found.json()
    assert (found.status_code, told["status"]) == (status, status)
    assert words in told["detail"]
    assert found.headers["content-language"] == "es"
    assert told["title"] != HTTPStatus(status).phrase


@pytest.mark.parametrize(
    ("query", "header", "language"), [("?language=es", "en", "es"), ("?lang=en", "es", "en")]
)
def test_a_query_goes_before_the_header(
    server: str, query: str, header: str, language: str
) -> None:
    headers = {"accept-language": header}
    found = httpx.post(f"{server}/api/identify{query}", content=b"", headers=headers, timeout=60)
    assert found.headers["content-language"] == language


def test_a_strange_host_is_refused_in_its_language(server: str) -> None:
    headers = {"host": "rebound.example", "accept-language": "es"}
    told = httpx.get(f"{server}/api/model", headers=headers).json()
    assert told["detail"].startswith("Este servidor no se llama 'rebound.example'.")


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"),
        ("es", "es"),
        ("es-MX,es;q=0.9,en;q=0.8", "es"),
        ("fr-FR, es;q=0.5, en;q=0.4", "es"),
        ("en;q=0.3, ES-419;q=0.7", "es"),
        ("en-GB,es;q=0.9", "en"),
        ("fr,de", "en"),
        ("es;q=0", "en"),
        ("es;q=much", "en"),
        ("*", "en"),
        ("estonian", "en"),
    ],
)
def test_the_language_that_is_liked_best(header: str, language: str) -> None:
    assert accepted(header) == language

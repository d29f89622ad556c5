"""Addresses of photos and results: what lies behind one, and what of it may be shown."""

import os
import re
from collections.abc import Callable
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from florascope.errors import DataError
from florascope.files import is_address

WEB = frozenset({"http", "https"})
AZURE = frozenset({"abfs", "abfss"})
PATIENCE = 60  # seconds without an answer

_USER = re.compile(r"(?<=://)(?:(?i:(?<!abfs://)(?<!abfss://))[^/?#@\s]*|[^/?#@\s]*:[^/?#@\s]*)@")
"""A user before an address's host. What stands there of abfs:// is the container."""

_SECRET = re.compile(
    r"(?i)([?&](?:x-(?:amz|goog)-(?:signature|credential|security-token)|awsaccesskeyid|signature"
    r"|sig|token|access_token|key|api_key|apikey|password|secret)=)[^&#\s]*"
)


def redact(text: str) -> str:
    """Write *** for the users, passwords and signatures of addresses in a text."""
    return _SECRET.sub(r"\1***", _USER.sub("***@", text))


def check_place(text: str) -> None:
    """Refuse an address that carries a user or password, which would be kept with the results.

    Raises:
        DataError: it does.
    """
    if is_address(text) and _USER.search(text):
        raise DataError(
            f"{redact(text)} carries credentials",
            expected="an address alone",
            fix="Put them where the storage's own tools look: AWS_ACCESS_KEY_ID and"
            " AWS_SECRET_ACCESS_KEY, ~/.aws, GOOGLE_APPLICATION_CREDENTIALS, or"
            " AZURE_STORAGE_ACCOUNT and AZURE_STORAGE_KEY",
        )


def scheme_of(place: str) -> str:
    """Return "s3" of "s3://bucket/key"; "" of a path on this machine."""
    return place.partition("://")[0].lower() if is_address(place) else ""


def locate(place: str) -> tuple[Any, str]:
    """Return the file system (`pyarrow.fs.FileSystem`) of a place and the path within it.

    Raises:
        DataError: the address carries credentials, or no file system is known for it.
    """
    check_place(place)
    if not is_address(place):
        return _file_system("", ""), str(Path(place).expanduser().absolute())
    scheme, inner = scheme_of(place), place.partition("://")[2]  # urlsplit would cut at ? or #
    host, _, key = inner.partition("/")
    if scheme in AZURE and "@" in host:  # container@account.dfs.core.windows.net/key
        container, _, host = host.partition("@")
        inner = f"{container}/{key}"
    elif scheme == "hdfs":
        inner = f"/{key}"
    return _file_system(scheme, host), inner


@cache
def _file_system(scheme: str, host: str) -> Any:  # noqa: ANN401 (pyarrow has no types)
    import pyarrow as pa
    from pyarrow import fs

    if not scheme:
        return fs.LocalFileSystem()
    known: dict[str, Callable[[str], Any]] = {"s3": _s3, "gs": _google}
    known |= dict.fromkeys(AZURE, _azure)
    try:
        if scheme in known:
            return known[scheme](host)
        return fs.FileSystem.from_uri(f"{scheme}://{host}")[0]
    except (OSError, ValueError, pa.ArrowException) as error:
        raise DataError(
            f"{scheme}:// cannot be opened ({redact(str(error))})",
            expected="s3://, gs://, abfs://, hdfs://, or a folder",
        ) from error


def _s3(bucket: str) -> Any:  # noqa: ANN401 (pyarrow has no types)
    """Open S3, or a server that speaks its language at AWS_ENDPOINT_URL."""
    from pyarrow import fs

    own = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    server = urlsplit(own) if own else None
    where = {"endpoint_override": server.netloc, "scheme": server.scheme} if server else {}
    return fs.S3FileSystem(
        region=region or (None if server else _region(bucket)),
        connect_timeout=10,
        request_timeout=PATIENCE,
        retry_strategy=fs.AwsStandardS3RetryStrategy(max_attempts=3),
        allow_delayed_open=True,  # a small file is one request, which is whole or not at all
        **where,
    )


def _region(bucket: str) -> str | None:
    from pyarrow import fs

    try:
        found: str = fs.resolve_s3_region(bucket)
    except OSError:  # no such bucket, or nobody answers: the first reading will say so
        return None
    return found


def _google(_bucket: str) -> Any:  # noqa: ANN401 (pyarrow has no types)
    """Open Google's storage, or an emulator at STORAGE_EMULATOR_HOST."""
    from pyarrow import fs

    patience = timedelta(seconds=PATIENCE)  # Arrow's own is 15 minutes
    if own := os.environ.get("STORAGE_EMULATOR_HOST"):
        server = urlsplit(own if "://" in own else f"http://{own}")
        return fs.GcsFileSystem(
            anonymous=True,
            endpoint_override=server.netloc,
            scheme=server.scheme,
            retry_time_limit=patience,
        )
    return fs.GcsFileSystem(retry_time_limit=patience)


def _azure(host: str) -> Any:  # noqa: ANN401 (pyarrow has no types)
    """Open an account of Azure's storage, by what the command line `az` reads too.

    Args:
        host: account.dfs.core.windows.net, or a container of the account that the environment
            names.

    Raises:
        ValueError: the environment names none.
    """
    from pyarrow import fs

    account, dot, _ = host.partition(".")  # a container's name holds no dot
    account = account if dot else os.environ.get("AZURE_STORAGE_ACCOUNT", "")
    if not account:
        raise ValueError("it names no account, nor does AZURE_STORAGE_ACCOUNT")
    key, token = os.environ.get("AZURE_STORAGE_KEY"), os.environ.get("AZURE_STORAGE_SAS_TOKEN")
    own = os.environ.get("AZURE_STORAGE_SERVICE_ENDPOINT")
    server = urlsplit(own) if own else None
    where = (
        {"blob_storage_authority": server.netloc, "blob_storage_scheme": server.scheme}
        | {"dfs_storage_authority": server.netloc, "dfs_storage_scheme": server.scheme}
        if server
        else {}
    )
    secret = {"account_key": key} if key else {"sas_token": token} if token else {}
    return fs.AzureFileSystem(account, **secret, **where)

"""Addresses: the file system and path that they mean, and no secret shown."""

from collections.abc import Iterator
from typing import Any

import pytest
from pyarrow import fs

from florascope.cluster import places
from florascope.cluster.places import check_place, locate, redact
from florascope.errors import DataError


@pytest.fixture(autouse=True)
def _opened_anew() -> Iterator[None]:
    places._file_system.cache_clear()
    yield
    places._file_system.cache_clear()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://ann:secret@host/a.jpg is gone", "https://***@host/a.jpg is gone"),
        ("s3://AKIA:key@bucket/a.jpg", "s3://***@bucket/a.jpg"),
        ("https://h/a.jpg?X-Amz-Signature=ab12&id=3", "https://h/a.jpg?X-Amz-Signature=***&id=3"),
        ("https://h/a.jpg?id=3&sig=ab%2F12", "https://h/a.jpg?id=3&sig=***"),
        ("https://h/a.jpg?monkey=1", "https://h/a.jpg?monkey=1"),
        ("s3://bucket/me@home/a.jpg", "s3://bucket/me@home/a.jpg"),
        ("abfs://photos@ann.dfs.core.windows.net/a", "abfs://photos@ann.dfs.core.windows.net/a"),
        ("abfss://photos:key@ann.dfs.core.windows.net/a", "abfss://***@ann.dfs.core.windows.net/a"),
    ],
)
def test_secrets_are_not_shown(text: str, shown: str) -> None:
    assert redact(text) == shown


def test_an_address_with_credentials_is_refused() -> None:
    with pytest.raises(DataError, match=r"s3://\*\*\*@bucket/a carries credentials.*AWS_ACCESS"):
        check_place("s3://AKIA:key@bucket/a")
    check_place("s3://bucket/a@b")
    check_place("here/a@b:c.jpg")


@pytest.fixture
def azure(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What Arrow is told about Azure's storage; nothing is asked before a file is read."""
    told: dict[str, Any] = {}

    def noted(account: str, **given: Any) -> str:
        told.update(given, account=account)
        return "azure"

    monkeypatch.setattr(fs, "AzureFileSystem", noted)
    for name in ("ACCOUNT", "KEY", "SAS_TOKEN", "SERVICE_ENDPOINT"):
        monkeypatch.delenv(f"AZURE_STORAGE_{name}", raising=False)
    return told


def test_azure_by_container_and_account(azure: dict[str, Any]) -> None:
    found = locate("abfss://photos@ann.dfs.core.windows.net/rose/1.jpg")
    assert found == ("azure", "photos/rose/1.jpg")
    assert azure == {"account": "ann"}


def test_azure_as_the_environment_says(
    azure: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(DataError, match="names no account, nor does AZURE_STORAGE_ACCOUNT"):
        locate("abfs://photos/rose")
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT", "ben")
    monkeypatch.setenv("AZURE_STORAGE_SAS_TOKEN", "sv=1&sig=2")
    monkeypatch.setenv("AZURE_STORAGE_SERVICE_ENDPOINT", "http://127.0.0.1:10000")
    assert locate("abfs://photos/rose") == ("azure", "photos/rose")
    where = {"blob_storage_authority": "127.0.0.1:10000", "blob_storage_scheme": "http"}
    where |= {"dfs_storage_authority": "127.0.0.1:10000", "dfs_storage_scheme": "http"}
    assert azure == {"account": "ben", "sas_token": "sv=1&sig=2", **where}
    places._file_system.cache_clear()
    azure.clear()
    monkeypatch.setenv("AZURE_STORAGE_KEY", "a2V5")
    locate("abfs://photos/rose")
    assert azure == {"account": "ben", "account_key": "a2V5", **where}


def test_a_namenode_is_no_part_of_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    class Asked:
        @staticmethod
        def from_uri(address: str) -> tuple[str, str]:
            return f"opened {address}", "/"

    monkeypatch.setattr(fs, "FileSystem", Asked)
    assert locate("hdfs://name:8020/in/rose") == ("opened hdfs://name:8020", "/in/rose")


def test_google_and_its_emulator(monkeypatch: pytest.MonkeyPatch) -> None:
    told: dict[str, Any] = {}
    monkeypatch.setattr(fs, "GcsFileSystem", lambda **given: told.update(given))
    monkeypatch.delenv("STORAGE_EMULATOR_HOST", raising=False)
    assert locate("gs://museum/in") == (None, "museum/in")
    assert {*told} == {"retry_time_limit"}
    places._file_system.cache_clear()
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", "127.0.0.1:9023")
    locate("gs://museum/in")
    assert (told["endpoint_override"], told["scheme"]) == ("127.0.0.1:9023", "http")
    assert told["anonymous"] is True


def test_a_scheme_that_nobody_knows() -> None:
    with pytest.raises(DataError, match=r"ftp:// cannot be opened .*expected s3://, gs://, abfs"):
        locate("ftp://host/in")

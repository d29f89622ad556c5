"""Commands as jobs: florascope identify --out, florascope embed."""

from pathlib import Path
from typing import Any

import pytest
from pyarrow import parquet


def test_identify_into_shards(run: Any, trained: Path, photos: Path, tmp_path: Path) -> None:
    (photos / "1" / "notes.txt").write_text("")
    asked = ("identify", photos, "--model", trained, "--out", tmp_path / "out", "--shard", "20")
    ended = run(*asked, "--json")
    assert ended.code == 0
    told = ended.json
    assert (told["schema"], told["out"]) == ("florascope/1", str(tmp_path / "out"))
    assert (told["photos"], told["problems"], told["unreachable"]) == (31, 1, 0)
    assert sum(told["values"].values()) == 30
    assert told["ignored"] == {".txt": 1}
    again = run(*asked)
    assert "31 photos, 1 of them with a problem\n" in again.out
    assert again.out.endswith(f"Results: {tmp_path / 'out'}\n")
    plain = run("identify", photos, "--model", trained, "--json").json["results"]
    rows = parquet.read_table(tmp_path / "out").to_pylist()
    assert [row["path"] for row in rows] == [r["file"] for r in plain]
    assert [row["problem"] for row in rows] == [r.get("error") for r in plain]
    assert [row["label"] for row in rows] == ["1"] * 11 + ["2"] * 10 + ["10"] * 10


def test_a_job_goes_on_as_it_was_listed(
    run: Any, trained: Path, photos: Path, tmp_path: Path
) -> None:
    asked = ("identify", photos, "--model", trained, "--out", tmp_path / "out")
    assert run(*asked).code == 0
    new = photos / "1" / "new.jpg"
    new.write_bytes(b"")
    ended, on = run(*asked), run(*asked, "--as-listed", "--json")
    new.unlink()
    assert ended.code == 1
    assert "another number of photos in the source: 31, now 32" in ended.err
    assert "To go on with the photos that were listed: --as-listed" in ended.err
    assert on.json["photos"] == 31


def test_embed(run: Any, photos: Path, tmp_path: Path) -> None:
    network = ("--backbone", "test_resnet", "--weights", "random")
    ended = run("embed", photos, *network, "--out", tmp_path / "out", "--json")
    assert (ended.json["photos"], ended.json["problems"]) == (31, 1)
    table = parquet.read_table(tmp_path / "out")
    assert table.schema.field("features").type.list_size == 96
    assert table["features"].null_count == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--engine", "ray"), "without --out. expected a folder for the results"),
        (("--address", "auto"), "without --out"),
        (("--as-listed",), "--as-listed without --out"),
        (("--out", "x", "--overlay", "y.png"), "--out with --overlay"),
        (("another.jpg", "--out", "x"), "--out with 2 sources. expected one folder"),
    ],
)
def test_options_that_do_not_fit(
    run: Any, photos: Path, options: tuple[str, ...], message: str
) -> None:
    ended = run("identify", photos, *options)
    assert ended.code == 1
    assert message in ended.err


def test_not_one_photo_can_be_read(run: Any, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.jpg").write_bytes(b"no photo")
    ended = run("identify", tmp_path / "in", "--out", tmp_path / "out")
    assert ended.code == 1
    assert f"none of the photos could be read; {tmp_path / 'out'} says why" in ended.err


def test_inspect_and_copies(run: Any, photos: Path, tmp_path: Path) -> None:
    ended = run("data", "inspect", photos, "--out", tmp_path / "out", "--json")
    assert (ended.json["photos"], ended.json["values"]) == (31, {"RGB": 30})
    told = run("data", "copies", tmp_path / "out", "--json").json
    plain = run("data", "inspect", photos, "--json").json
    assert (told["equal"], told["near"], told["leaks"]) == (0, len(plain["near_duplicates"]), 0)
    against = run("data", "copies", tmp_path / "out", "--against", tmp_path / "out")
    assert "Photos that are there twice: 30\n" in against.out
    assert f"All pairs: {told['file']}" in against.out
    ended = run("data", "inspect", photos, "--out", tmp_path / "out", "--labels")
    assert ended.code == 1
    assert "--out with --report, --language, --labels, --keypoints or --weights" in ended.err

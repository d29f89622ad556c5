"""A short siege of a real server; the long one is benchmarks/reliability/endurance.py."""

from importlib import import_module
from pathlib import Path
from typing import Any

script: Any = import_module("script")


def test_rude_clients_do_not_bring_the_server_down(tmp_path: Path) -> None:
    """Of its memory so few requests tell nothing, and of its speed a busy machine does not."""
    told = ("--requests", "200", "--seconds", "2", "--attempts", "40", "--lenient")
    rows = script.rows("endurance.py", tmp_path / "rows.csv", *told)
    for row in rows:
        assert (row["failed"], row["broken"]) == ("0", "0"), row
    by_phase = {row["phase"]: row for row in rows}
    assert [by_phase[name]["requests"] for name in ("calm", "aborted", "malformed")] == ["40"] * 3
    assert by_phase["malformed"]["refused"] == "40"
    assert int(by_phase["overload"]["answered"]) > 0
    assert int(by_phase["overload"]["refused"]) > 0
    assert int(by_phase["loris"]["answered"]) == int(by_phase["loris"]["requests"]) > 0
    assert (by_phase["endurance"]["answered"], by_phase["endurance"]["refused"]) == ("160", "40")

"""A short run of every fuzzer; the long ones are benchmarks/reliability/fuzz.py."""

import random
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

script: Any = import_module("script")
targets: Any = import_module("targets")
INPUTS = 300


@pytest.mark.parametrize("name", targets.TARGETS)
def test_honest_inputs_are_read(name: str) -> None:
    target = targets.TARGETS[name]
    if name == "split":  # its second seed speaks of Oxford's photos, which are not there
        target.run(target.seeds()[0])
        return
    for seed in target.seeds():
        target.run(seed)


@pytest.mark.parametrize("name", targets.TARGETS)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_inputs_cut_short_or_flipped_are_read_or_refused(name: str) -> None:
    """Without atheris, anywhere: another exception than FlorascopeError fails the test."""
    target, dice = targets.TARGETS[name], random.Random(0)
    refused = 0
    for seed in target.seeds()[:12]:
        for _ in range(8):
            data = bytearray(seed)
            for _ in range(dice.randint(1, 3)):
                data[dice.randrange(len(data))] = dice.randrange(256)
            if dice.random() < 0.3:
                del data[dice.randrange(len(data)) :]
            try:
                target.run(bytes(data))
            except targets.FlorascopeError as error:
                refused += 1
                assert len(str(error)) < 3000  # noqa: PT017 (either outcome is right)
    assert refused > 0


@pytest.mark.parametrize("name", ["photo", "config", "graph", "safetensors"])
def test_guided_mutations_find_nothing(name: str, tmp_path: Path) -> None:
    pytest.importorskip("atheris")
    crashes = str(tmp_path / "crashes")
    told = (name, "--runs", str(INPUTS), "--crashes", crashes)
    row = script.only_row("fuzz.py", tmp_path / "rows.csv", *told)
    assert int(row["inputs"]) >= INPUTS
    assert row["crashes"] == "0"

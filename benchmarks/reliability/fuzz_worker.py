"""Fuzz one target until libFuzzer ends this process; started by fuzz.py.

    python benchmarks/reliability/fuzz_worker.py TARGET FOLDER RUNS SECONDS

Nothing of florascope may be imported before it can be instrumented.
"""

import json
import os
import random
import sys
from collections import Counter
from pathlib import Path
from types import TracebackType

import atheris

sys.path.insert(0, str(Path(__file__).parents[2] / "tests" / "fire"))
with atheris.instrument_imports(include=["florascope", "PIL", "tarfile", "json", "csv"]):
    from targets import TARGETS, FlorascopeError

SLOW = 25  # seconds for one input
MEMORY = 2048  # MB
LONGEST = 20_000  # bytes
NOTED = 50  # inputs from one note of the counts to the next


def place(trace: TracebackType | None) -> str:
    """Name the innermost line of a traceback."""
    last = ""
    while trace:
        last = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"
        trace = trace.tb_next
    return last


def main() -> None:
    """Fuzz."""
    name, folder, runs, seconds = sys.argv[1], Path(sys.argv[2]), sys.argv[3], sys.argv[4]
    os.sync = lambda: None  # what is unpacked here is looked at and removed
    target = TARGETS[name]
    counts: Counter[str] = Counter()
    seen: set[str] = set()

    def one(data: bytes) -> None:
        counts["inputs"] += 1
        try:
            target.run(data)
            counts["read"] += 1
        except FlorascopeError:
            counts["refused"] += 1
        except Exception as error:  # noqa: BLE001 (this is what is looked for)
            kind = f"{type(error).__name__} {place(error.__traceback__)}"
            if kind not in seen:
                seen.add(kind)
                (folder / f"crash-{len(seen)}").write_bytes(data)
                print(f"CRASH {kind}: {str(error)[:200]}", flush=True)
        if counts["inputs"] % NOTED == 0 or counts["inputs"] < 3:
            (folder / "counts.json").write_text(json.dumps(counts))

    def mutate(data: bytes, longest: int, seed: int) -> bytes:
        """Change the meaning half of the time, where a target knows how, and else the bytes."""
        dice = random.Random(seed)  # noqa: S311 (libFuzzer's own seed, so that a run can be repeated)
        if target.mutate is not None and dice.random() < 0.5:
            return target.mutate(data, dice)[:longest]
        return bytes(atheris.Mutate(data, longest))

    limits = [f"-runs={runs}"] if int(runs) else [f"-max_total_time={seconds}"]
    options = [f"-timeout={SLOW}", f"-rss_limit_mb={MEMORY}", f"-max_len={LONGEST}"]
    options += ["-seed=1", "-len_control=0", f"-artifact_prefix={folder}/crash-native-"]
    options += ["-use_value_profile=1", *files(folder)]
    atheris.Setup([sys.argv[0], *limits, *options], one, custom_mutator=mutate)
    atheris.Fuzz()


def files(folder: Path) -> list[str]:
    """Write down what to begin from; return libFuzzer's arguments."""
    target, corpus, words = TARGETS[sys.argv[1]], folder / "corpus", folder / "words.txt"
    corpus.mkdir()
    for number, seed in enumerate(target.seeds()):
        (corpus / f"seed-{number}").write_bytes(seed)
    quoted = (word.replace("\\", "\\\\").replace('"', '\\"') for word in target.words)
    words.write_text("".join(f'"{word}"\n' for word in quoted))
    return [f"-dict={words}", str(corpus)] if target.words else [str(corpus)]


if __name__ == "__main__":
    main()

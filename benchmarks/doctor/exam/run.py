"""Ask the doctor the exam's questions.

    python run.py PART [NAMES...] [--framework torch|keras] [--verify] [--no-twins] [--results FILE]

PART: open, kept; of the second exam second/open, second/kept, second/reserve.
Without --verify: trains each case, asks florascope.diagnose, prints a table, writes results_<half>.json.
With --verify: trains each faulty case and its mended twin and each sound case and shows the figures.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import math
import re
import signal
import sys
import time
import traceback
import warnings
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import support  # noqa: E402
from support import Case, Run  # noqa: E402

LIMIT_S = 90
GAP = 0.1
PARTS = (
    *("open", "kept", "second/open", "second/kept", "second/reserve"),
    *("third/open", "third/kept"),
    *("fourth/open", "fourth/kept"),
    *("fifth/open", "fifth/kept"),
    *("sixth/open", "sixth/kept"),
    *("seventh/open", "seventh/kept"),
    *("eighth/open", "eighth/kept"),
)


class OutOfTime(BaseException):
    pass


def _alarm(*_: Any) -> None:
    raise OutOfTime


def timed(work: Any, limit: int = LIMIT_S) -> tuple[Any, str | None, float]:
    """(result, error, seconds)"""
    signal.signal(signal.SIGALRM, _alarm)
    signal.alarm(limit)
    start = time.perf_counter()
    try:
        return work(), None, time.perf_counter() - start
    except OutOfTime:
        return None, f"no answer within {limit} s", time.perf_counter() - start
    except Exception as error:  # noqa: BLE001 (whatever the doctor throws is the result)
        traceback.print_exc()  # shown, not kept: it names the folders of a machine
        return None, f"{type(error).__name__}: {error}", time.perf_counter() - start
    finally:
        signal.alarm(0)


def load(half: str) -> list[Case]:
    for path in sorted((HERE / half).glob("*.py")):
        spec = importlib.util.spec_from_file_location(
            f"exam_{half}_{path.stem}".replace("/", "_"), path
        )
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
    return list(support.REGISTER)


def text_of(finding: Any) -> str:
    parts = [str(finding)]
    held = vars(finding) if hasattr(finding, "__dict__") else {}
    names = list(held) or [n for n in dir(finding) if not n.startswith("_")]
    for name in names:
        value = getattr(finding, name, None)
        if isinstance(value, str):
            parts.append(value)
        elif isinstance(value, (list, tuple)) and value and all(isinstance(v, str) for v in value):
            parts.extend(value)
    return " ".join(dict.fromkeys(parts)).lower()


def matches(text: str, patterns: list[str]) -> bool:
    return any(re.search(pattern, text, re.DOTALL) for pattern in patterns)


def names(case: Case, text: str) -> bool:
    return matches(text, case.accepts) and not matches(text, case.rejects)


def ask(run: Run) -> list[dict[str, Any]]:
    import florascope

    found = florascope.diagnose(run.model, run.train, run.val, **run.told)
    return [
        {
            "severity": str(getattr(f.severity, "value", f.severity)).lower(),
            "confidence": float(f.confidence),
            "text": text_of(f),
            "short": str(f),
        }
        for f in found.findings
    ]


def judge(case: Case, is_faulty: bool, found: list[dict[str, Any]]) -> dict[str, Any]:
    loud = [f for f in found if f["severity"] in ("error", "warning")]
    row: dict[str, Any] = {"loud": len(loud), "notes": len(found) - len(loud)}
    row["first"] = loud[0]["short"] if loud else (f"(note) {found[0]['short']}" if found else "")
    if not is_faulty:
        errors = [f for f in found if f["severity"] == "error"]
        row["verdict"] = "FALSE ALARM" if errors else ("warned" if loud else "quiet")
        row["first"] = errors[0]["short"] if errors else row["first"]
        return row
    named = [names(case, f["text"]) for f in loud]
    row["false_leads"] = sum(
        f["severity"] == "error" and not matches(f["text"], case.accepts + case.also_ok)
        for f in loud
    )
    if named and named[0]:
        row["verdict"] = "named first"
    elif any(named):
        row["verdict"] = "named"
    elif any(names(case, f["text"]) for f in found):
        row["verdict"] = "note only"
    else:
        row["verdict"] = "missed"
    return row


def table_line(*cells: tuple[str, int]) -> None:
    print(
        "  ".join(str(text).replace("\n", " ")[:width].ljust(width) for text, width in cells),
        flush=True,
    )


def examine(half: str, cases: list[Case], twins: bool, out: Path) -> None:
    rows = []
    table_line(("case", 40), ("kind", 6), ("verdict", 12), ("s", 9), ("first finding", 90))
    for case in cases:
        asked = [(case.name, False, case.faulty)]
        if twins and case.twin_sound:
            asked.append((f"{case.name} (mended)", True, False))
        for name, mended, is_faulty in asked:
            row: dict[str, Any] = {
                "name": name,
                "framework": case.framework,
                "faulty": is_faulty,
                "cause": case.cause,
            }
            run, error, built_s = timed(lambda c=case, m=mended: c.build(m))
            row["built_s"] = round(built_s, 1)
            if error is not None:
                row |= {"verdict": "EXAM BROKEN", "first": error, "asked_s": 0.0}
            else:
                found, error, asked_s = timed(lambda r=run: ask(r))
                row["asked_s"] = round(asked_s, 1)
                if error is not None:
                    row |= {"verdict": "crashed", "first": error}
                else:
                    row |= judge(case, is_faulty, found) | {"findings": found}
            rows.append(row)
            table_line(
                (name, 40),
                (("faulty" if is_faulty else "sound"), 6),
                (row["verdict"], 12),
                (f"{row['built_s']}+{row['asked_s']}", 9),
                (row["first"], 90),
            )
            del run
    summarise(half, rows, out)


def rejudge(half: str, cases: list[Case], out: Path) -> None:
    known = {case.name: case for case in cases}
    rows = json.loads(out.read_text(encoding="utf-8"))["cases"]
    for row in rows:
        if "findings" in row:
            row |= judge(known[row["name"].split(" ")[0]], row["faulty"], row["findings"])
        table_line((row["name"], 40), (row["verdict"], 12), (row["first"], 90))
    summarise(half, rows, out)


def summarise(half: str, rows: list[dict[str, Any]], out: Path) -> None:
    totals: dict[str, Any] = {}
    for framework in ("torch", "keras", "all"):
        for kind in (True, False):
            of = [r for r in rows if r["faulty"] is kind and framework in (r["framework"], "all")]
            if of:
                tally: dict[str, int] = {}
                for r in of:
                    tally[r["verdict"]] = tally.get(r["verdict"], 0) + 1
                totals[f"{framework} {'faulty' if kind else 'sound'}"] = {
                    "of": len(of),
                    **dict(sorted(tally.items())),
                }
    faulty = [r["verdict"] for r in rows if r["faulty"]]
    sound = [r["verdict"] for r in rows if not r["faulty"]]
    score = {
        "faulty": len(faulty),
        "named first": faulty.count("named first"),
        "named": faulty.count("named first") + faulty.count("named"),
        "sound": len(sound),
        "wrong error on sound": sound.count("FALSE ALARM"),
        "warned on sound": sound.count("warned"),
        "crashed or broken": sum(v in ("crashed", "EXAM BROKEN") for v in faulty + sound),
    }
    print(f"\n{score}\n")
    for name, tally in totals.items():
        print(f"{name:14s} {tally}")
    print(
        f"false leads (errors in faulty cases that name something else): {sum(r.get('false_leads', 0) for r in rows)}"
    )
    print(
        f"built in {sum(r['built_s'] for r in rows):.0f} s, asked in {sum(r['asked_s'] for r in rows):.0f} s"
    )
    out.write_text(
        json.dumps({"half": half, "score": score, "totals": totals, "cases": rows}, indent=1),
        encoding="utf-8",
    )


def verify(half: str, cases: list[Case], out: Path) -> None:
    rows = []
    table_line(
        ("case", 40),
        ("kind", 6),
        ("verdict", 9),
        ("honest", 7),
        ("claimed", 7),
        ("twin", 6),
        ("s", 6),
    )
    for case in cases:
        run, error, seconds = timed(lambda c=case: c.build(False))
        twin: Any = None
        twin_error, twin_s = None, 0.0
        if case.faulty and error is None:
            twin, twin_error, twin_s = timed(lambda c=case: c.build(True))
        if error or twin_error:
            print(case.name, "BROKEN", error or twin_error)
            rows.append({"name": case.name, "ok": False, "error": error or twin_error})
            continue
        claimed = run.claimed if run.claimed is not None else math.nan
        if case.faulty:
            best = twin.honest
            off = run.claimed is not None and abs(run.claimed - run.honest) >= GAP
            twin_off = twin.claimed is not None and abs(twin.claimed - twin.honest) >= GAP
            ok = (best - run.honest >= GAP or off) and not twin_off and best >= case.floor
        else:
            best = math.nan
            ok = run.honest >= case.floor
        rows.append(
            {
                "name": case.name,
                "framework": case.framework,
                "faulty": case.faulty,
                "ok": bool(ok),
                "honest": run.honest,
                "claimed": run.claimed,
                "twin": None if math.isnan(best) else best,
                "s": seconds,
            }
        )
        table_line(
            (case.name, 40),
            (("faulty" if case.faulty else "sound"), 6),
            (("ok" if ok else "NOT OK"), 9),
            (f"{run.honest:.2f}", 7),
            (f"{claimed:.2f}", 7),
            (f"{best:.2f}", 6),
            (f"{seconds:.1f}", 6),
        )
        del run, twin
    print(f"\n{sum(r['ok'] for r in rows)} of {len(rows)} as they should be")
    out.write_text(json.dumps(rows, indent=1), encoding="utf-8")


def main() -> None:
    given = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    given.add_argument("half", choices=PARTS)
    given.add_argument("names", nargs="*")
    given.add_argument("--framework", choices=["torch", "keras"])
    given.add_argument("--verify", action="store_true")
    given.add_argument("--no-twins", action="store_true")
    given.add_argument(
        "--rejudge",
        action="store_true",
        help="judge the findings in the results file again, training nothing",
    )
    given.add_argument("--results", type=Path)
    told = given.parse_intermixed_args()
    warnings.simplefilter("ignore")
    cases = [
        case
        for case in load(told.half)
        if (not told.names or any(name in case.name for name in told.names))
        and told.framework in (None, case.framework)
    ]
    part = bool(told.names or told.framework)
    stem = told.half.replace("/", "_") + ("_part" if part else "")
    if told.rejudge:
        rejudge(told.half, cases, told.results or HERE / f"results_{stem}.json")
    elif told.verify:
        verify(told.half, cases, told.results or HERE / f"verified_{stem}.json")
    else:
        examine(told.half, cases, not told.no_twins, told.results or HERE / f"results_{stem}.json")


if __name__ == "__main__":
    main()

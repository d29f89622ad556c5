"""The figures of verdicts as a page."""

from typing import Any

GOALS = """\
Goals: expected calibration error at most 0.02; coverage averaged over classes at least 0.90; at
most 5 % of known flowers refused ("none"); at least 95 % of photos without flowers and 60 % of
unknown species not named as a species."""


def page(figures: dict[str, Any]) -> str:
    """Write the page in Markdown."""
    known = figures["known"]
    coverage = known["coverage"]
    interval = f"{coverage['mean']:.3f} [{coverage['low']:.3f}, {coverage['high']:.3f}]"
    rows = [
        ("top-1", f"{known['top1']:.4f}"),
        ("expected calibration error, before", f"{known['ece_before']:.4f}"),
        ("expected calibration error, after", f"{known['ece_after']:.4f}"),
        ("the same if it were perfect (chance alone)", f"{known['ece_floor']:.4f}"),
        ("cross-entropy, before", f"{known['loss_before']:.4f}"),
        ("cross-entropy, after", f"{known['loss_after']:.4f}"),
        ("coverage at 90 %, averaged over classes", interval),
        ("classes covered below 90 %", str(known["classes_below_level"])),
        ("mean size of prediction sets", f"{known['mean_set_size']:.3f}"),
        ("largest set", str(known["largest_set"])),
    ]
    lines = [
        f"# Verdicts of {figures['bundle']}",
        "",
        GOALS,
        "",
        f"## Calibration on {known['photos']} test photos",
        "",
        "| figure | value |",
        "|---|---|",
        *(f"| {name} | {value} |" for name, value in rows),
        "",
        "## What is said",
        "",
        "| photos | n | species | genus | family | unsure | none | not named as a species |",
        "|---|---|---|---|---|---|---|---|",
        _levels("known flowers (test)", known["levels"]),
        *(_levels(name, levels) for name, levels in figures["strangers"].items()),
        *(
            _levels(f"held out of a frozen probe: {name} species", levels)
            for name, levels in figures["held_out"].items()
        ),
        "",
        f"Right where a known flower is named: {_right(known['right'])}.",
        "",
    ]
    return "\n".join(lines)


def _levels(name: str, levels: dict[str, float]) -> str:
    values = [levels[level] for level in ("species", "genus", "family", "unsure", "none")]
    cells = " | ".join(f"{value:.3f}" for value in (*values, 1 - levels["species"]))
    return f"| {name} | {levels['n']} | {cells} |"


def _right(right: dict[str, float | None]) -> str:
    return ", ".join(f"{level} {value:.3f}" for level, value in right.items() if value is not None)

"""Do the photos' files give the class away?"""

from florascope.doctor.evidence import Evidence, Finding
from florascope.doctor.provenance import WORDS, telling

FILES = "the photos' files give the class away"

TELLS = 0.5  # of the way from chance to perfect
ENOUGH = 30  # val photos


def provenance(evidence: Evidence) -> Finding | None:
    """Camera, time, size and format of a file say little about what it shows."""
    train, val = (part.origins if part else None for part in (evidence.train, evidence.val))
    if train is None or val is None or evidence.classes < 2 or len(val.labels) < ENOUGH:
        return None
    usual = max((val.labels == k).mean() for k in set(val.labels.tolist()))
    told = telling(train, val)
    best = max(told, key=lambda name: told[name], default="")
    if not best or told[best] < usual + TELLS * (1 - usual):
        return None
    others = [WORDS[n] for n, share in told.items() if share > told[best] - 0.1 and n != best]
    more = f"; so do {', '.join(others)}, nearly" if others else ""
    return Finding(
        "files.provenance",
        FILES,
        "warning",
        f"{WORDS[best]} alone names the class of {told[best]:.0%} of the val photos"
        f" (always the same class: {usual:.0%}){more}: the network may have learned where photos"
        " come from, and fail on others",
        "classes whose photos come from the same sources",
        "Measure on photos of another source; take the photos of all classes with the same cameras,"
        " and save and resize them alike",
        0.8,
    )


CHECKS = (provenance,)

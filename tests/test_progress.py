"""What is reported, and when."""

from florascope.progress import silent, track

Report = tuple[str, int, int]


def test_every_item_is_reported_once_it_is_done() -> None:
    events: list[object] = []
    note = events.append
    for item in track("ab", 2, "Reading", lambda *report: note(report)):
        note(item)
    assert events == [
        ("Reading", 0, 2),
        "a",
        ("Reading", 1, 2),
        "b",
        ("Reading", 2, 2),
    ]


def test_no_items_report_the_start() -> None:
    reports: list[Report] = []
    assert list(track([], 0, "Reading", lambda *report: reports.append(report))) == []
    assert reports == [("Reading", 0, 0)]


def test_an_item_that_is_not_finished_is_not_reported() -> None:
    reports: list[Report] = []
    items = track(iter("abc"), 3, "Reading", lambda *report: reports.append(report))
    next(items)
    next(items)
    assert reports == [("Reading", 0, 3), ("Reading", 1, 3)]


def test_silence_is_the_default_listener() -> None:
    silent("Reading", 1, 2)
    assert list(track([1, 2], 2, "Reading", silent)) == [1, 2]

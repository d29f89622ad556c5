"""facts.csv in a bundle: what its owner tells of the classes, for people.

A line for each class of which something is told; docs/facts.md describes the columns.
"""

from pathlib import Path

from florascope.bundle.config import FACTS, own_file, read_own_file
from florascope.data.dataset import ClassName, is_showable
from florascope.data.species import HARMS, Harm, Species
from florascope.data.table import Row, Table, read_table

MAX_FACTS = 16 * 2**20
COLUMNS = (
    *("class_id", "name_en", "name_es", "scientific_name", "group", "people", "pets"),
    *("caution_en", "caution_es", "source", "lookalikes"),
)


def read_facts(bundle: Path, classes: tuple[ClassName, ...]) -> dict[str, Species]:
    """Return what a bundle's facts.csv tells, by class id; nothing where there is no such file.

    Raises:
        BundleError: it is a link or device, or too large.
        DataError: a line names no class or one twice, a word for harm is none, a caution lacks its
            degree or its source, or a text cannot be shown.
    """
    if not (bundle / FACTS).exists():
        return {}
    table = read_table(own_file(bundle, FACTS, MAX_FACTS))
    table.require("class_id")
    _check_columns(table)
    names = {c.id: c.name for c in classes}
    facts: dict[str, Species] = {}
    for row in table.rows:
        species = _species(table, row, names)
        if species.id in facts:
            raise table.problem(row, f"the class {species.id!r} again", "one line for each class")
        facts[species.id] = species
    return facts


def row_of(species: Species) -> dict[str, str]:
    """Return a line of such a file that tells this of a class, without its id and look-alikes."""
    told = bool(species.source)  # no degree without a source
    return {
        "name_en": species.names["en"],
        "name_es": species.names["es"],
        "scientific_name": species.scientific,
        "group": species.group,
        "people": species.people if told else "",
        "pets": species.pets if told else "",
        "caution_en": species.notes["en"],
        "caution_es": species.notes["es"],
        "source": species.source,
    }


def genus_of(scientific: str) -> str:
    """Return the genus in a scientific name of two words or more; empty for any other."""
    words = scientific.split()
    return words[0] if len(words) > 1 else ""


def carry_facts(bundle: Path, folder: Path) -> list[str]:
    """Copy a bundle's facts.csv, where it has one, into another's folder; return what was written.

    Raises:
        BundleError: it is a link or device, or too large.
    """
    if not (bundle / FACTS).exists():
        return []
    (folder / FACTS).write_bytes(read_own_file(bundle, FACTS, MAX_FACTS))
    return [FACTS]


def _check_columns(table: Table) -> None:
    for column in table.columns:
        if column not in COLUMNS:
            raise table.problem(
                table.rows[0], f"the column {column!r}", f"of these: {', '.join(COLUMNS)}"
            )


def _species(table: Table, row: Row, names: dict[str, str]) -> Species:
    cells = dict.fromkeys(COLUMNS, "") | row.cells
    for column, text in cells.items():
        if text and not is_showable(text):
            raise table.problem(
                row, f"{column} {text[:60]!r}", "plain text of at most 255 characters"
            )
    own = cells["class_id"]
    lookalikes = tuple(cells["lookalikes"].split("|")) if cells["lookalikes"] else ()
    for class_id in (own, *lookalikes):
        if class_id not in names:
            known = ", ".join(list(names)[:5])
            raise table.problem(row, f"no class {class_id!r}", f"one of the model's: {known}, ...")
    _check_caution(table, row, cells)
    english = cells["name_en"] or names[own]
    scientific = cells["scientific_name"]
    return Species(
        id=own,
        label=names[own],
        names={"en": english, "es": cells["name_es"] or english},
        scientific=scientific,
        genus=genus_of(scientific),
        family="",
        people=_harm(table, row, cells["people"]),
        pets=_harm(table, row, cells["pets"]),
        notes={"en": cells["caution_en"], "es": cells["caution_es"] or cells["caution_en"]},
        source=cells["source"],
        lookalikes=lookalikes,
        group=cells["group"],
    )


def _harm(table: Table, row: Row, word: str) -> Harm:
    """Read a degree; where nothing is told, no list names any harm."""
    found = next((harm for harm in HARMS if harm == (word.lower() or "unlisted")), None)
    if found is None:
        raise table.problem(row, f"harm {word!r}", f"one of {', '.join(HARMS)}, or nothing")
    return found


def _check_caution(table: Table, row: Row, cells: dict[str, str]) -> None:
    """A sentence needs a degree, so that it can be shown as what it is; a degree needs a source."""
    degree = cells["people"] or cells["pets"]
    if (cells["caution_en"] or cells["caution_es"]) and not degree:
        raise table.problem(
            row, "a caution without its degree", f"people or pets: one of {', '.join(HARMS)}"
        )
    if degree and not cells["source"]:
        raise table.problem(row, f"{degree!r} without a source", "who says so, in column source")

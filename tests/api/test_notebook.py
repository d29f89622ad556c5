"""What a notebook shows, in a real kernel."""

from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient


def executed(folder: Path, *cells: str) -> list[Any]:
    """Run cells in a kernel of their own and return the outputs of each."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in cells])
    client = NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(folder)}})
    client.execute()
    return [cell.outputs for cell in notebook.cells]


def html(outputs: list[Any]) -> str:
    return "".join(output.get("data", {}).get("text/html", "") for output in outputs)


def test_a_notebook_shows_bars_tables_and_pictures(photos: Path, tmp_path: Path) -> None:
    cells = executed(
        tmp_path,
        f"import florascope as fs; data = fs.load({str(photos)!r}); data",
        "from florascope.progress import in_notebook; in_notebook()",
        "probe = fs.Probe(backbone='test_resnet', weights='random', size=64, max_iterations=10)\n"
        "run = fs.train(data, probe); run",
        "run.explain(data.photos[0], method='cam')",
        "[name for name in dir(fs) if name[0] != '_'][:3]",
    )
    assert "<table>" in html(cells[0])
    assert "data:image/jpeg;base64," in html(cells[0])
    assert cells[1][0]["data"]["text/plain"] == "True"
    assert any(o.output_type == "display_data" for o in cells[2])  # the bar, empty when done
    assert "top-1" in html(cells[2])
    assert "data:image/png;base64," in html(cells[3])
    assert cells[4][0]["data"]["text/plain"] == "['ClassReport', 'Dataset', 'Explanation']"
    drawn = [o for outputs in cells for o in outputs if o.output_type == "stream"]
    assert not any("━" in o.text for o in drawn)  # no terminal's bars among the output

"""What is said in English and Spanish: files in texts/ that a translator can edit.

One file a use and language: the sentences of an answer (answer.en.json), of the app's page, of the
report, of the workbench, and of the page that teaches. {names} are filled in. JSON, since every
start of `florascope identify` reads one, and the pages do.
"""

import json
from pathlib import Path
from typing import Any, Literal

Use = Literal["answer", "page", "report", "studio", "teaching"]
FOLDER = Path(__file__).parent / "texts"


def sentences(use: Use, language: str) -> dict[str, Any]:
    """Return a use's sentences in a language: by key a sentence, or several by a key of their own.

    What "things" holds goes before the rest where a model knows anything else than the 102 flowers.

    Raises:
        OSError: there is no such language.
    """
    found: dict[str, Any] = json.loads((FOLDER / f"{use}.{language}.json").read_bytes())
    return found

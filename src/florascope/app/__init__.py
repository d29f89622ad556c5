"""The app: an HTTP server and a page that answer from a bundle, without torch.

What is here needs none of the server's packages: the browser edition is made of the same page.
"""

import json
from importlib.resources import files
from pathlib import Path

from florascope.data.species import LANGUAGES
from florascope.sentences import Use, sentences

TEXTS = "texts.js"  # made of data files, unlike the other scripts


def static_folder() -> Path:
    """Return the folder of the page."""
    return Path(str(files("florascope.app") / "static"))


def page_texts(use: Use = "page") -> bytes:
    """Return the module of a page's words, in every language, that its scripts import."""
    told = {language: sentences(use, language) for language in LANGUAGES}
    return f"export const TEXTS = {json.dumps(told, ensure_ascii=False)};\n".encode()

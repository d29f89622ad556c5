"""Do the addresses that the documentation names still answer?

    python docs/check_links.py [--seconds 20]

Asks each address once and ends with 1 if one of them says 404 or 410, or cannot be reached. It
needs the network and other people's servers, so only people start it: `make links`.
"""

import argparse
import re
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

ROOT = Path(__file__).parents[1]
TEXTS = ("*.md", "docs/**/*.md", "docs/**/*.ipynb", "benchmarks/**/*.md")
TEXTS_IN_CODE = ("src/**/*.py", "src/**/*.csv", "src/**/*.toml", "src/**/*.jinja2")
ADDRESS = re.compile(r"https?://[^\s<>\"'`\\{}|^\]]+")
NOWHERE = r"localhost|127\.|0\.0|192\.|\[|[^/]*example\.|[^/]*\.invalid|[^/]*[A-Z]"
RESERVED = re.compile(f"//({NOWHERE})")
GONE = (404, 410)


def addresses(text: str) -> Iterator[str]:
    """Yield the addresses in a text that somebody could visit, without what ends the sentence."""
    for found in ADDRESS.findall(text):
        bare = found.rstrip(".,;:!?*")
        while bare.endswith(")") and bare.count(")") > bare.count("("):
            bare = bare[:-1].rstrip(".,;:!?*")
        if "." in bare and not RESERVED.search(bare):
            yield bare.partition("#")[0]


def named() -> dict[str, Path]:
    """Return every address of the documentation with a file that names it."""
    paths = (path for pattern in (*TEXTS, *TEXTS_IN_CODE) for path in sorted(ROOT.glob(pattern)))
    return {
        address: path for path in paths for address in addresses(path.read_text(encoding="utf-8"))
    }


def trouble(address: str, seconds: float) -> str:
    """Return what is wrong with an address; empty if it answers, be it with a refusal of robots."""
    request = Request(address, headers={"User-Agent": "florascope link check"})  # noqa: S310 (http)
    try:
        with urlopen(request, timeout=seconds):  # noqa: S310
            return ""
    except HTTPError as error:
        return f"status {error.code}" if error.code in GONE else ""
    except OSError as error:
        return f"not reached ({getattr(error, 'reason', error)})"


def main() -> None:
    """Ask every address and say which are dead."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20)
    seconds = parser.parse_args().seconds
    places = named()
    with ThreadPoolExecutor(8) as pool:
        troubles = list(pool.map(partial(trouble, seconds=seconds), places))
    dead = [(a, t) for a, t in zip(places, troubles, strict=True) if t]
    for address, told in dead:
        sys.stdout.write(f"{places[address].relative_to(ROOT)}: {address}: {told}\n")
    sys.stdout.write(f"{len(places) - len(dead)} of {len(places)} addresses answer\n")
    sys.exit(bool(dead))


if __name__ == "__main__":
    main()

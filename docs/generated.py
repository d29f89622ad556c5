"""Pages of the site that are made, not written: a hook of MkDocs (mkdocs.yml).

Commands, settings and errors come from the code itself. Texts that lie beside docs/ in the
repository (ARCHITECTURE.md, tables of benchmarks/) become pages under the same paths, and links
are changed so that they hold both in the repository and in the site.
"""

import ast
import logging
import posixpath
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from florascope import errors
from florascope.cli.main import cli
from florascope.cli.wording import Commands
from florascope.training.recipes import RECIPES
from florascope.training.settings import settings_of

ROOT = Path(__file__).resolve().parents[1]
BESIDE = ("[A-Z]*.md", "benchmarks/**/*.md")
LINK = re.compile(r"(?<=\]\()([^)#:\s]+)")
HREF = re.compile(r'href="([^":#]+\.(?:md|ipynb))')
LOG = logging.getLogger("mkdocs.hooks.generated")


def commands() -> str:
    """Every command as `florascope COMMAND --help` prints it."""
    parts = ["# Commands", "", "Also `florascope COMMAND --help`.", ""]
    for names, command in _commands(cli, ("florascope",)):
        context = click.Context(command, info_name=" ".join(names), max_content_width=90)
        parts += [f"## {' '.join(names)}", "", "```text", command.get_help(context), "```", ""]
    return "\n".join(parts)


def _commands(
    group: Commands, names: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    for name, command in group.members().items():
        if isinstance(command, Commands):
            yield from _commands(command, (*names, name))
        else:
            yield (*names, name), command


def settings() -> str:
    """Every setting of every recipe, with its default, its range and what it does."""
    parts = [
        "# Settings of the recipes",
        "",
        "`--set NAME=VALUE` of `florascope train`, or arguments in Python:"
        ' `fs.Finetune(epochs=3, weights="flowers")`.',
        "",
    ]
    for name, recipe in RECIPES.items():
        about = (recipe.__doc__ or "").partition("\nAttributes:")[0].strip()
        parts += [f"## {name}: `fs.{recipe.__name__}`", "", about, ""]
        parts += ["| setting | what it does | default | type | range |", "|---|---|---|---|---|"]
        parts += [
            f"| `{s.name}` | {_cell(s.meaning)} | `{s.default}` | {s.kind} | {s.allowed} |"
            for s in settings_of(recipe)
        ]
        parts.append("")
    return "\n".join(parts)


def error_table() -> str:
    """Every error that the source raises: what was found, what was expected, the cure."""
    kinds = error_kinds()
    parts = [
        "# Errors",
        "",
        "Every message says what was found, what would have been right, and what to do. In Python"
        " all of them are a `florascope.FlorascopeError` with the attributes `found`, `expected`"
        " and `fix`; commands print one line and end with status 1; `--json` gives"
        ' `{"error": {"message", "found", "expected", "fix"}}`. What stands in {braces} is filled'
        " in. An empty cell means that the message says it all.",
        "",
    ]
    found = sorted(raised())
    for kind in sorted({row[0] for row in found}):
        parts += [f"## {kind}", "", kinds[kind], "", "| cause | expected | cure |", "|---|---|---|"]
        rows = dict.fromkeys(row[1:] for row in found if row[0] == kind)
        parts += [f"| {' | '.join(map(_cell, row))} |" for row in rows]
        parts.append("")
    return "\n".join(parts)


def error_kinds() -> dict[str, str]:
    """The first line about each class of errors, the packages' own ones included."""
    classes = [node for node in _source() if isinstance(node, ast.ClassDef)]
    kinds = {"FlorascopeError": ""}
    while found := [c for c in classes if _first_base(c) in kinds and c.name not in kinds]:
        kinds |= {c.name: (ast.get_docstring(c) or "").partition("\n")[0] for c in found}
    about = (errors.FlorascopeError.__doc__ or "").partition("\n")[0]
    return kinds | {"FlorascopeError": about}


def _first_base(node: ast.ClassDef) -> str:
    return _words(node.bases[0]) if node.bases else ""


def _source() -> Iterator[ast.AST]:
    for path in sorted((ROOT / "src").rglob("*.py")):
        yield from ast.walk(ast.parse(path.read_text(encoding="utf-8")))


def raised() -> Iterator[tuple[str, str, str, str]]:
    """Yield class, found, expected and fix of every error made in the source."""
    kinds = error_kinds()
    for node in _source():
        if isinstance(node, ast.Call) and node.args and _words(node.func) in kinds:
            named = {word.arg: _words(word.value) for word in node.keywords}
            expected, fix = named.get("expected", ""), named.get("fix", "")
            yield _words(node.func), _words(node.args[0]), expected, fix


def _words(node: ast.expr) -> str:
    """The text of a literal; what is filled in stands in braces."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(map(_words, node.values))
    if isinstance(node, ast.FormattedValue):
        return f"{{{ast.unparse(node.value)}}}"
    return ast.unparse(node)


def _cell(text: str) -> str:
    """Keep a text from being Markdown or HTML, or from ending its cell."""
    plain = " ".join(text.split()).replace("<", "&lt;")
    return re.sub(r"([|`*\[\]_])", r"\\\1", plain)


GENERATED = {
    "reference/commands.md": commands,
    "reference/settings.md": settings,
    "reference/errors.md": error_table,
}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are made and those that lie beside docs/."""
    for name, make in GENERATED.items():
        files.append(File.generated(config, name, content=make()))
    for path in _beside():
        files.append(File.generated(config, path, abs_src_path=str(ROOT / path)))
    return files


def _beside() -> list[str]:
    found = {path for pattern in BESIDE for path in ROOT.glob(pattern)} - {ROOT / "README.md"}
    return sorted(path.relative_to(ROOT).as_posix() for path in found)


def on_env(env: Any, config: MkDocsConfig, files: Files) -> None:  # noqa: ANN401, ARG001 (MkDocs)
    """Turn a notebook's links to files into links to pages, as MkDocs does for Markdown alone.

    Where mkdocs.yml names the repository, a notebook also leads to Colab.
    """
    repository = config.extra["repository"]
    for file in files.documentation_pages():
        if file.page is not None and file.src_uri.endswith(".ipynb"):
            linked = _linked(file.page.content or "", file, files)
            file.page.content = colab_link(repository, file.src_uri) + linked


def colab_link(repository: str | None, page: str) -> str:
    """Return a link that opens a notebook in Colab; nothing as long as the repository is unknown.

    Args:
        repository: OWNER/NAME at GitHub, whose branch is main.
        page: the notebook's path in docs/.
    """
    if not repository:
        return ""
    address = f"https://colab.research.google.com/github/{repository}/blob/main/docs/{page}"
    return f'<p><a href="{address}">Open in Colab</a></p>\n'


def _linked(html: str, page: File, files: Files) -> str:
    def replaced(link: re.Match[str]) -> str:
        aim = posixpath.normpath(posixpath.join(posixpath.dirname(page.src_uri), link[1]))
        file = files.get_file_from_path(aim)
        if file is None:
            LOG.warning("%s links to %s, which is no page", page.src_uri, aim)
            return link[0]
        return f'href="{file.url_relative_to(page)}'

    return HREF.sub(replaced, html)


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:  # noqa: ANN401 (MkDocs)
    """Change relative links from the repository's paths to the site's."""
    here = page.file.src_uri
    return LINK.sub(lambda link: site_link(link[1], here), markdown)


def site_link(target: str, page: str) -> str:
    """Return where a link of the repository leads in the site.

    Args:
        target: as the file has it, relative to the file.
        page: the file's path in the site; in the repository it lies in docs/, or beside it.
    """
    home = page if (ROOT / page).is_file() else f"docs/{page}"
    aim = posixpath.normpath(posixpath.join(posixpath.dirname(home), target))
    return posixpath.relpath(aim.removeprefix("docs/"), posixpath.dirname(page) or ".")

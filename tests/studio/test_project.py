"""What a project keeps, and that it touches no photo."""

import hashlib
import json
from pathlib import Path

import pytest

from florascope.errors import DataError, FlorascopeError
from florascope.studio.project import Edit, Project


@pytest.fixture
def project(source: Path, tmp_path: Path) -> Project:
    return Project.open(tmp_path / "mine", source)


def again(project: Project) -> Project:
    return Project.open(project.folder)


def shown(folder: Path) -> dict[str, str]:
    """Digests of a folder's files."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(p): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def test_labels_are_the_folders_own(project: Project) -> None:
    assert project.classes() == {"daisy": 12, "rose": 12, "violet": 12}
    assert project.photos[12].name == "rose/0.jpg"
    assert project.last is None


def test_edits_outlive_a_restart_and_change_no_file(project: Project, source: Path) -> None:
    before = shown(source)
    assert project.edit(Edit("label", ("rose/0.jpg", "daisy/0.jpg"), "lily")) == [
        (0, "lily"),
        (12, "lily"),
    ]
    project.edit(Edit("remove", ("violet/3.jpg",)))
    project.edit(Edit("label", ("violet/4.jpg",)))
    project.edit(Edit("rename", (), "lotus", "lily"))
    project.edit(Edit("confirm", ("violet/5.jpg",)))
    kept = again(project)
    assert kept.labels == project.labels
    assert kept.classes() == {"daisy": 11, "lotus": 2, "rose": 11, "violet": 10}
    assert [kept.labels[i] for i in (27, 28)] == [None, ""]
    assert kept.confirmed == {29}
    assert shown(source) == before


def test_undo_goes_back_to_the_beginning(project: Project) -> None:
    first = list(project.labels)
    states = []
    for edit in (
        Edit("label", ("rose/0.jpg",), "daisy"),
        Edit("rename", (), "daisy", "rose"),  # joins both
        Edit("remove", ("rose/0.jpg", "rose/1.jpg")),
        Edit("label", ("rose/0.jpg",), "violet"),  # brings it back
    ):
        states.append(list(project.labels))
        project.edit(edit)
    for state in reversed(states):
        project.undo()
        assert project.labels == state
        assert again(project).labels == state
    assert project.labels == first
    with pytest.raises(DataError, match="nothing to undo"):
        project.undo()


def test_an_edit_that_cannot_be_written_did_not_happen(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.edit(Edit("label", ("rose/0.jpg",), "daisy"))
    before, kept = list(project.labels), project.last

    def full(_self: Project) -> None:
        raise FlorascopeError("the disk is full")

    monkeypatch.setattr(Project, "save", full)
    with pytest.raises(FlorascopeError, match="full"):
        project.edit(Edit("remove", ("rose/1.jpg",)))
    with pytest.raises(FlorascopeError, match="full"):
        project.undo()
    assert (project.labels, project.last) == (before, kept)


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        (Edit("label", ("rose/99.jpg",), "daisy"), "no photo 'rose/99.jpg'"),
        (Edit("label", (), "daisy"), "edit of no photos"),
        (Edit("label", ("rose/0.jpg",), "a/b"), "'a/b' cannot name a class"),
        (Edit("label", ("rose/0.jpg",), ".."), "cannot name a class"),
        (Edit("rename", (), "lily", "tulip"), "no class 'tulip'"),
        (Edit("rename", (), "", "rose"), "'' cannot name a class"),
    ],
)
def test_what_cannot_be_done_is_refused(project: Project, edit: Edit, told: str) -> None:
    with pytest.raises(DataError, match=told):
        project.edit(edit)
    assert again(project).last is None


def test_dropped_photos_are_kept_byte_for_byte_and_once(tmp_path: Path, photo: bytes) -> None:
    project = Project.open(tmp_path / "mine")
    assert project.add(photo, "rose", "1.jpg") == 0
    assert project.add(photo, "rose", "1.jpg") is None
    assert project.add(photo + b"\0", "rose", "1.jpg") == 1
    assert project.add(photo, "", "loose.jpg") == 2
    names = ["added/rose/1.jpg", "added/rose/1-2.jpg", "added/_/loose.jpg"]
    assert [p.name for p in project.photos] == names
    assert project.photos[0].path.read_bytes() == photo
    assert project.labels == ["rose", "rose", ""]
    assert sorted(p.name for p in again(project).photos) == sorted(names)


@pytest.mark.parametrize(
    ("label", "file"), [("rose", "../1.jpg"), ("rose", ".1.jpg"), ("rose", ""), ("a:b", "1.jpg")]
)
def test_no_name_leads_out_of_the_project(
    tmp_path: Path, photo: bytes, label: str, file: str
) -> None:
    project = Project.open(tmp_path / "mine")
    with pytest.raises(DataError, match="cannot name a"):
        project.add(photo, label, file)
    assert [p.name for p in (tmp_path / "mine").iterdir()] == ["project.json"]


def test_corrections_join_under_their_name(tmp_path: Path, photo: bytes) -> None:
    project = Project.open(tmp_path / "mine")
    place = tmp_path / "mine" / "corrections" / "lily"
    place.mkdir(parents=True)
    (place / "abc.jpg").write_bytes(photo)
    assert project.take_corrections() == 1
    assert project.classes() == {"lily": 1}
    assert list(project.corrections()) == []


def test_too_small_classes_are_named(project: Project) -> None:
    project.edit(Edit("label", ("rose/0.jpg", "rose/1.jpg"), "lily"))
    assert project.too_small() == ["lily"]


def test_a_folder_of_other_things_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work", encoding="utf-8")
    with pytest.raises(DataError, match="holds other files and no project"):
        Project.open(tmp_path)
    with pytest.raises(DataError, match="holds other files"):
        Project.open(tmp_path / "thesis.txt")


def test_a_project_of_other_photos_is_not_mixed_up(
    project: Project, source: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    with pytest.raises(DataError, match="is a project of"):
        Project.open(project.folder, other)
    assert Project.open(project.folder, source).source == source


@pytest.mark.parametrize("text", ["", "{", '{"schema": "florascope-studio/9"}', "[]", '{"a": 1}'])
def test_a_damaged_project_says_so(tmp_path: Path, text: str) -> None:
    (tmp_path / "project.json").write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=r"project.json cannot be read"):
        Project.open(tmp_path)


def test_the_file_is_plain_json(project: Project, source: Path) -> None:
    project.edit(Edit("label", ("rose/0.jpg",), "daisy"))
    assert json.loads((project.folder / "project.json").read_text("utf-8")) == {
        "schema": "florascope-studio/1",
        "source": str(source),
        "edits": [{"kind": "label", "photos": ["rose/0.jpg"], "to": "daisy"}],
    }

"""An honest bundle to damage, and a canary that tells of anything that ran or wrote."""

import pickle
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import jaxtyping
import pytest
import torch

from florascope.calibration.calibration import Calibrated, Calibration
from florascope.data.dataset import ClassName
from florascope.nets.backbone import Backbone
from florascope.nets.classifier import Classifier
from florascope.nets.saving import save_bundle
from florascope.preprocessing import Preprocessing

sys.path.insert(0, str(Path(__file__).parent))  # targets.py is shared with the long runs

K = 3


@pytest.fixture(autouse=True)
def _unchecked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the tests' checks of signatures: what a stranger's file meets."""
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)


@pytest.fixture(scope="session")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of timm's smallest network, calibrated, three classes."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("honest")
    classes = tuple(ClassName(str(k), f"class {k}") for k in range(K))
    network = Classifier(Backbone("test_resnet", Preprocessing(size=64)), classes).eval()
    figures = Calibration(50, 2.0, 0.2, 0.1, 0.9, (0.5,) * K, -1.0, 0.0)
    means = torch.nn.functional.normalize(torch.rand(K, 96)).numpy()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FLORASCOPE_CACHE", str(folder / "cache"))
        save_bundle(network, folder / "bundle", {}, "# Card", Calibrated(figures, means))
    return folder / "bundle"


@pytest.fixture
def canary(tmp_path: Path) -> Iterator[Path]:
    """A file that nothing may make; its folder must be empty in the end."""
    folder = tmp_path / "outside"
    folder.mkdir()
    path = folder / "canary"
    payload = import_module("payload").Payload(path)
    pickle.loads(pickle.dumps(payload))
    assert path.exists(), "the payload must work, or its absence says nothing"
    path.unlink()
    yield path
    assert list(folder.iterdir()) == []

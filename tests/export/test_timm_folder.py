"""The folder read by timm and safetensors alone."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from timm.data import create_transform, resolve_data_config

from florascope.errors import BundleError
from florascope.export.timm_folder import export_timm
from florascope.identify.identifier import Identifier

RGB = np.random.default_rng(0).integers(0, 256, (190, 260, 3), dtype=np.uint8)


def test_timms_own_pipeline_gives_the_same_logits(bundle: Path, tmp_path: Path) -> None:
    """From the photo to the logits as the card says, without a line of this project."""
    assert export_timm(bundle, tmp_path / "timm") == [
        "README.md",
        "config.json",
        "model.safetensors",
    ]
    model = timm.create_model(f"local-dir:{tmp_path / 'timm'}", pretrained=True).eval()
    transform = create_transform(**resolve_data_config({}, model=model))
    with torch.no_grad():
        found = model(transform(Image.fromarray(RGB)).unsqueeze(0))[0].numpy()
    truth = Identifier(bundle)(RGB).observation.logits
    assert np.abs(found - truth).max() <= 1e-3 * np.abs(truth).max()
    assert model.pretrained_cfg["label_names"][93] == "foxglove"


def test_the_weights_load_by_name_alone(bundle: Path, tmp_path: Path) -> None:
    export_timm(bundle, tmp_path / "timm")
    weights = tmp_path / "timm" / "model.safetensors"
    model = timm.create_model("test_resnet", num_classes=102, checkpoint_path=weights)
    for name, value in load_file(weights).items():
        assert torch.equal(model.state_dict()[name], value)


def test_the_card_keeps_the_bundles_and_says_how(bundle: Path, tmp_path: Path) -> None:
    export_timm(bundle, tmp_path / "timm")
    card = (tmp_path / "timm" / "README.md").read_text()
    assert card.startswith("---\nlibrary_name: timm\n")
    assert "# A card\n" in card
    assert 'timm.create_model("test_resnet", num_classes=102' in card


def test_an_export_without_weights_is_refused(bundle: Path, tmp_path: Path) -> None:
    shutil.copytree(bundle, tmp_path / "bare")
    (tmp_path / "bare" / "model.safetensors").unlink()
    with pytest.raises(BundleError, match=r"has no model\.safetensors"):
        export_timm(tmp_path / "bare", tmp_path / "timm")


def test_weights_of_another_network_are_refused(bundle: Path, tmp_path: Path) -> None:
    shutil.copytree(bundle, tmp_path / "mixed")
    weights = tmp_path / "mixed" / "model.safetensors"
    save_file({k: v + 1 if v.ndim > 1 else v for k, v in load_file(weights).items()}, weights)
    with pytest.raises(BundleError, match="timm's logits differ from the bundle's by"):
        export_timm(tmp_path / "mixed", tmp_path / "timm")
    assert not (tmp_path / "timm").exists()


def test_weights_that_timm_cannot_load_are_refused(bundle: Path, tmp_path: Path) -> None:
    shutil.copytree(bundle, tmp_path / "odd")
    save_file({"strange": torch.zeros(2)}, tmp_path / "odd" / "model.safetensors")
    with pytest.raises(BundleError, match="timm cannot load the bundle"):
        export_timm(tmp_path / "odd", tmp_path / "timm")

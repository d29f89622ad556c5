"""Mixed batches whose pixels tell their shares."""

import numpy as np
import pytest
import torch

from florascope.training.mixing import Mixing


def batch(size: int = 32) -> tuple[torch.Tensor, torch.Tensor]:
    """Two photos, all 0 and all 1, of two classes: the mean of the pixels is the share."""
    images = torch.stack([torch.zeros(3, size, size), torch.ones(3, size, size)])
    return images, torch.eye(2)


@pytest.mark.parametrize("mixing", [Mixing(mixup=0.8), Mixing(cutmix=1.0), Mixing(0.8, 1.0)])
def test_classes_are_shared_as_the_pixels_are(mixing: Mixing) -> None:
    mixed = 0
    for seed in range(40):
        images, shares = Mixing(mixing.mixup, mixing.cutmix, share=1.0)(
            *batch(), np.random.default_rng(seed)
        )
        assert torch.allclose(shares.sum(1), torch.ones(2))
        assert torch.allclose(images.mean((1, 2, 3)), shares[:, 1], atol=1e-5)
        mixed += int(0 < shares[0, 1].item() < 1)
    assert mixed > 20


def test_cutmix_pastes_whole_pixels() -> None:
    images, _ = Mixing(cutmix=1.0, share=1.0)(*batch(), np.random.default_rng(3))
    assert set(images.unique().tolist()) == {0.0, 1.0}


def test_without_alphas_the_batch_comes_back_itself() -> None:
    images, shares = batch()
    found = Mixing(share=1.0)(images, shares, np.random.default_rng(0))
    assert found[0] is images
    assert found[1] is shares


def test_share_says_how_many_batches_are_mixed() -> None:
    images, shares = batch(4)
    mixing = Mixing(mixup=1.0, share=0.3)
    same = [mixing(images, shares, np.random.default_rng(s))[0] is images for s in range(1000)]
    assert np.mean(same) == pytest.approx(0.7, abs=0.05)

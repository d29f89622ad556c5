"""Image processors of Hugging Face's, against what they do to a photo, by hand."""

from typing import Any

import numpy as np
import pytest

from florascope.errors import ExplanationError
from florascope.nets.told import of_processor

HALF = {"image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.25, 0.5]}


@pytest.mark.parametrize(
    ("values", "shape"),
    [
        ({"size": {"height": 8, "width": 8}}, (8, 1.0, "squash", "bilinear")),
        ({"size": 8, "resample": 3}, (8, 1.0, "center", "bicubic")),
        ({"size": {"shortest_edge": 8}, "crop_pct": 0.875}, (8, 0.875, "center", "bilinear")),
        (
            {
                "size": {"shortest_edge": 10},
                "do_center_crop": True,
                "crop_size": {"height": 8, "width": 8},
                "resample": 1,
            },
            (8, 0.8, "center", "lanczos"),
        ),
    ],
)
def test_sizes_and_crops(values: dict[str, Any], shape: tuple[Any, ...]) -> None:
    told = of_processor(values)
    assert (told.size, told.crop_pct, told.crop_mode, told.interpolation) == shape


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        (HALF, [(51 / 255 - 0.5) / 0.5, (51 / 255 - 0.5) / 0.25, (51 / 255 - 0.5) / 0.5]),
        ({**HALF, "do_normalize": False}, [51 / 255] * 3),
        ({**HALF, "rescale_factor": 1 / 127.5}, [-0.2, -0.4, -0.2]),
        ({"do_rescale": False, "do_normalize": False}, [51.0] * 3),
    ],
)
def test_pixels_are_scaled_as_the_processor_scales_them(
    values: dict[str, Any], wanted: list[float]
) -> None:
    told = of_processor({"size": 8, **values})
    photo = np.full((8, 8, 3), 51, np.uint8)
    np.testing.assert_allclose(told(photo)[:, 4, 4], wanted, rtol=1e-5, atol=1e-6)


class Processor:
    def to_dict(self) -> dict[str, Any]:
        return {"size": {"height": 8, "width": 8}, **HALF}


def test_the_processor_itself_will_do() -> None:
    assert of_processor(Processor()).mean == (0.5, 0.5, 0.5)


@pytest.mark.parametrize(
    "values", [{"size": {"height": 8, "width": 9}}, {"size": {"longest_edge": 8}}]
)
def test_what_is_not_square_is_refused(values: dict[str, Any]) -> None:
    with pytest.raises(ExplanationError, match="prepares photos in a way of its own"):
        of_processor(values)

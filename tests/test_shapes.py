"""Shapes are jaxtyping's in the tests, and cost nothing elsewhere."""

import subprocess
import sys

import jaxtyping

from florascope import shapes


def test_here_they_are_jaxtypings() -> None:
    assert shapes.UInt8 is jaxtyping.UInt8
    assert set(shapes.__all__) <= set(dir(jaxtyping))


def test_elsewhere_they_are_the_plain_array_type() -> None:
    program = (
        "import sys, numpy as np; from florascope.shapes import UInt8;"
        "assert UInt8[np.ndarray, 'h w 3'] is np.ndarray; assert 'jaxtyping' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()

"""What OpenVINO must leave alone in the process that it runs in."""

import subprocess
import sys

import pytest

SCRIPT = """
import os, signal, sys
import numpy as np
from florascope.model.backbone import Backbone
from florascope.model.preprocessing import Preprocessing
from florascope.training.engine_openvino import OpenVino

batch = np.zeros((2, 3, 64, 64), np.float32)
first, second = (OpenVino(Backbone("test_resnet", Preprocessing(size=64)), "bf16") for _ in "ab")
first(batch), second(batch)
del first
del second
signal.signal(signal.SIGUSR1, lambda *_: print("handled"))
os.kill(os.getpid(), signal.SIGUSR1)
"""


def test_signals_are_handled_after_engines_that_went_in_the_order_they_came() -> None:
    pytest.importorskip("openvino")
    ended = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", SCRIPT],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert (ended.returncode, ended.stdout) == (0, "handled\n"), ended.stderr

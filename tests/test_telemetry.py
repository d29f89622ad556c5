"""Nothing is noted about whoever uses the package."""

import os
import subprocess
import sys
from pathlib import Path


def test_importing_the_engine_leaves_no_trace(tmp_path: Path) -> None:
    kept = {k: v for k, v in os.environ.items() if k != "ORT_DISABLE_TELEMETRY"}
    places = dict.fromkeys(("HOME", "TMPDIR", "XDG_CACHE_HOME"), str(tmp_path))
    code = "import florascope.identify.identifier"
    subprocess.run([sys.executable, "-c", code], env={**kept, **places}, check=True)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []

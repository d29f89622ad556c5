"""The record and the checks need no torch: evidence may come from any framework."""

import subprocess
import sys


def test_evidence_checks_and_diagnosis_import_no_framework() -> None:
    code = (
        "import sys, florascope.doctor.diagnosis as d; from florascope.doctor.evidence import"
        " Evidence; assert d.judge(Evidence(2)) == ();"
        " print([m for m in ('torch', 'keras', 'tensorflow') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

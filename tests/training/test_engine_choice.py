"""Which engine a machine gets, by what it has."""

import pytest

from florascope.errors import FlorascopeError
from florascope.training.engine_choice import EXACT, NAMED, VARIABLE, Choice, Machine, choose


@pytest.mark.parametrize(
    ("machine", "name", "reason"),
    [
        (Machine("Some GPU", bfloat16=True, openvino=True), "torch-bf16", "Some GPU"),
        (Machine("", bfloat16=True, openvino=True), "openvino-bf16", "bfloat16 in hardware"),
        (Machine("", bfloat16=True, openvino=False), "onnxruntime", "pip install florascope"),
        (Machine("", bfloat16=False, openvino=True), "onnxruntime", "no bfloat16 in this CPU"),
        (Machine("", bfloat16=False, openvino=False), "onnxruntime", "no GPU"),
    ],
)
def test_the_machine_decides_what_is_fastest(
    machine: Machine, name: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    choice = choose(machine, "auto")
    assert choice.name == name
    assert reason in choice.reason
    monkeypatch.delenv(VARIABLE, raising=False)
    assert choose(machine) == EXACT  # speed at the price of exactness is never taken unasked


def test_the_variable_overrules(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine("", bfloat16=True, openvino=True)
    for name, (runtime, precision) in NAMED.items():
        monkeypatch.setenv(VARIABLE, name)
        assert choose(machine) == Choice(runtime, precision, "FLORASCOPE_ENGINE asks for it")
        assert choose(machine).name == name
    monkeypatch.setenv(VARIABLE, "auto")
    assert choose(machine).name == "openvino-bf16"


def test_an_unknown_engine_is_named_with_the_known() -> None:
    message = "FLORASCOPE_ENGINE=abacus. expected auto or one of onnxruntime, openvino, openvino-"
    with pytest.raises(FlorascopeError, match=message):
        choose(Machine("", bfloat16=False, openvino=False), "abacus")


def test_an_engine_that_is_not_installed_says_how_to_install_it() -> None:
    with pytest.raises(FlorascopeError, match=r"not installed.*pip install florascope\[fast\]"):
        choose(Machine("", bfloat16=False, openvino=False), "openvino")


def test_this_machine_can_be_looked_at() -> None:
    machine = Machine.here()
    assert choose(machine, "onnxruntime").name == EXACT.name == "onnxruntime"
    assert machine.gpu == "" or choose(machine, "auto").runtime == "torch"

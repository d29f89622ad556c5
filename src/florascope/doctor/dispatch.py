"""One question for every framework: the model says which one it is of."""

from typing import Any

from florascope.doctor.diagnosis import Diagnosis
from florascope.errors import DataError, described
from florascope.nets.keras_models import is_keras
from florascope.nets.outside import check_network


def diagnose(
    model: Any,  # noqa: ANN401
    train_loader: Any = None,  # noqa: ANN401 (None only to say what is missing)
    val_loader: Any = None,  # noqa: ANN401
    **told: Any,  # noqa: ANN401
) -> Diagnosis:
    """Find out why a training went wrong without an error.

    The model is left as it was.

        findings = florascope.diagnose(
            model, train_loader, val_loader, optimizer=optimizer, frozen=["backbone"],
            contract=Preprocessing(), reported={"val_top1": 0.05},
        )
        print(findings)

    Args:
        model: a PyTorch module, images to (b, K), as it is evaluated (after model.eval()); or a
            compiled Keras 3 model.
        train_loader: batches of (images, labels), as it is trained on; for Keras, what fit takes.
        val_loader: the same, as it is evaluated on.
        told: what else is known, by the names of the attributes of
            `florascope.doctor.script.Script` (PyTorch) or
            `florascope.doctor.keras.gather.KerasScript`; `progress` for both.

    Returns:
        The findings, most likely cause first.

    Raises:
        DataError: the data gives nothing, or no (images, labels); `told` holds what is unknown.
        ExplanationError: the model is neither.
        FlorascopeError: the network cannot take the batches.
    """
    check_network(model)
    for name, data in {"train_loader": train_loader, "val_loader": val_loader}.items():
        _check_data(name, data)
    if is_keras(model):
        from florascope.doctor.keras.gather import diagnose as of_keras

        return of_keras(model, train_loader, val_loader, **told)
    from florascope.doctor.script import diagnose as of_pytorch

    return of_pytorch(model, train_loader, val_loader, **told)


def _check_data(name: str, data: object) -> None:
    """Refuse what can be neither iterated nor indexed."""
    if isinstance(data, type) or not (hasattr(data, "__iter__") or hasattr(data, "__getitem__")):
        raise DataError(
            f"diagnose got {described(data)} as {name!r}",
            expected="batches of (images, labels), such as a DataLoader's or a tf.data.Dataset's",
            fix="Hand over what the training loop, or fit, is given",
        )

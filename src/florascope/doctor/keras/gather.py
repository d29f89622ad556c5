"""The doctor for a Keras 3 training: a model and its two data sets; fixes in Keras's words."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from florascope.doctor.checks import (
    augmentation,
    claims,
    inputs,
    layers,
    losses,
    optimisation,
    recorded,
)
from florascope.doctor.checks.network import NOT_LOADED, TWICE
from florascope.doctor.diagnosis import Diagnosis, judge, settled
from florascope.doctor.evidence import (
    LOST,
    Answers,
    Claims,
    Drawn,
    Evidence,
    Finding,
    Subset,
    performance,
)
from florascope.doctor.keras import network, substitution
from florascope.doctor.keras.compiled import (
    half_right,
    loss_of,
    overfit_head,
    rates_of,
    rows,
)
from florascope.doctor.keras.data import BATCH, Reading, evenly, read
from florascope.doctor.properties import Pictures, measure
from florascope.doctor.provenance import origins
from florascope.doctor.recording import Recording, Watcher, recording_of
from florascope.doctor.retouching import looked_at
from florascope.doctor.trials import Loop, Substitution, within
from florascope.errors import DataError, check_arguments
from florascope.preprocessing import Preprocessing
from florascope.progress import Progress, silent

SCALED = "layers.Rescaling(1 / 127.5, offset=-1), or the application's own preprocess_input"

FIXES = {
    inputs.RANGE: f"Scale the pixels once, as the backbone expects: {SCALED}",
    inputs.TWICE: "Drop one of the two: the division in the data set, or layers.Rescaling",
    inputs.STANDARDISED: "Use the preprocess_input of the backbone's own keras.applications module",
    inputs.LAYOUT: "Give photos as (height, width, channels): np.transpose, never np.reshape",
    augmentation.VAL: "Map the augmentation over the train data set alone, or put its layers into"
    " the model, where they do nothing at evaluation",
    augmentation.RANGE: "Give augmentation layers the photos' own range: value_range=(0, 1) or"
    " (0, 255)",
    augmentation.FROZEN: "Call train_ds.cache() before .map(augment), not after it",
    claims.METRIC: 'Compile with metrics=["accuracy"], which chooses the one that fits the loss',
    claims.SHUFFLED: "Take labels and predictions in one pass, or build the data set with"
    " shuffle=False",
    layers.FROZEN_HEAD: "Set base.trainable = False instead of model.trainable, then compile again",
    layers.DEAD: 'Leave bias_initializer at "zeros", lower the learning rate, or use LeakyReLU',
    layers.ALIKE: 'Leave kernel_initializer at its default, "glorot_uniform"',
    losses.LOGITS: "Compile with from_logits=True, or give the last layer activation='softmax'",
    losses.BROADCAST: "Use SparseCategoricalCrossentropy for class numbers, or one-hot labels"
    " (keras.utils.to_categorical)",
    losses.REGRESSION: "Compile with SparseCategoricalCrossentropy: squared errors are for numbers",
    TWICE: "Use from_logits=False with a softmax, or Dense(K) without activation",
    NOT_LOADED: 'Build the backbone with weights="imagenet", or load_weights before it is frozen',
    optimisation.NOT_OPTIMISED: "Call model.compile again after changing trainable",
    optimisation.NOT_FROZEN: "Set layer.trainable = False before model.compile",
    optimisation.ZERO: "Compile with a learning rate above 0; look at the schedule's end",
    optimisation.LOW: "Raise learning_rate tenfold until the loss falls within an epoch",
    optimisation.HIGH: "Lower learning_rate tenfold until the loss falls steadily",
    recorded.SORTED: "Shuffle train: ds.shuffle(len(paths)), or fit(..., shuffle=True) on arrays",
}
"""By cause; a cause that is not here keeps its own fix."""


def in_keras(finding: Finding) -> Finding:
    """Say a finding's fix in Keras's words."""
    return replace(finding, fix=FIXES.get(finding.cause, finding.fix))


@check_arguments(DataError, known_as="diagnose")
@dataclass(frozen=True, eq=False)
class KerasScript:
    """What a Keras training can tell beside its model and data; the more, the surer.

    Loss, metrics, optimizer and learning rate are read from the compiled model.

    Attributes:
        history: what model.fit returned, its .history, or rows of train_loss, val_top1 and so on.
        reported: figures it reports, such as {"val_top1": 0.05}.
        contract: what the backbone expects of its input, behind the model's own preprocessing; read
            off the name for the networks of keras.applications.
        frozen: names of layers that shall not train.
        watched: florascope.keras.Doctor or florascope.watch of the training, or its recording.
        augmented: whether the train data set is meant to augment its photos itself.
        trained: whether training is over, so that answers can be judged.
        sample: photos of each data set to look at.
    """

    history: Any = None
    reported: Mapping[str, float] = field(default_factory=dict)
    contract: Preprocessing | None = None
    frozen: Sequence[str] = ()
    watched: Watcher | Recording | None = None
    augmented: bool = False
    trained: bool = True
    sample: int = 512


def diagnose(
    model: Any,  # noqa: ANN401 (a Keras model)
    train_data: Any,  # noqa: ANN401 (whatever fit takes)
    val_data: Any,  # noqa: ANN401
    *,
    progress: Progress = silent,
    **told: Any,  # noqa: ANN401 (the fields of KerasScript, which checks them)
) -> Diagnosis:
    """Find out why a Keras training went wrong without an error; see florascope.diagnose.

    Raises:
        DataError: a data set gives nothing, or no (images, labels).
        FlorascopeError: the model cannot take the data set's batches.
    """
    start = time.perf_counter()
    evidence = gather(model, train_data, val_data, KerasScript(**told), progress)
    findings = tuple(map(in_keras, judge(evidence)))
    return Diagnosis(findings, time.perf_counter() - start)


def gather(
    model: Any,  # noqa: ANN401
    train_data: Any,  # noqa: ANN401
    val_data: Any,  # noqa: ANN401
    script: KerasScript,
    progress: Progress = silent,
) -> Evidence:
    """Gather everything that the checks look at; the model is left as it was."""
    train, val = read(train_data, script.sample), read(val_data, script.sample)
    anatomy = network.dissect(model, val.batches[0].images)
    if script.contract is not None:
        anatomy = anatomy._replace(contract=script.contract)
    learned = network.answers(model, anatomy.head, train.batches, "Asking about train", progress)
    unseen = network.answers(model, anatomy.head, val.batches, "Asking about val", progress)
    inputs = network.inputs(model, anatomy, train, val)
    classes = learned.outputs.shape[1]
    evidence = Evidence(
        classes=classes,
        trained=script.trained,
        train=_subset(train),
        val=_subset(val),
        train_answers=learned,
        val_answers=unseen,
        inputs=None if inputs is None else replace(inputs, augments=script.augmented),
        modes=network.modes(model, train, val),
        traces=network.traces(model, anatomy.head, train.batches[0]),
        network=network.examine(model, anatomy.head, train.batches[0], script.frozen),
        loop=_loop(model, script, learned, anatomy.head, one_hot=train.batches[0].one_hot),
        claims=Claims(script.reported, half_right(model, classes, one_hot=_one_hot(model, train))),
        train_pictures=_pictures(train),
        val_pictures=_pictures(val),
        drawn=_drawn(train),
        recording=recording_of(script.watched),
        entering=_entering(model, anatomy.entrance, train, val),
        exchanged=network.retouched(model, val),
    )
    tried = try_again(model, anatomy.head, evidence, (train, val), script)
    return replace(evidence, substitution=tried)


def try_again(
    model: Any,  # noqa: ANN401
    head: Any,  # noqa: ANN401
    evidence: Evidence,
    data: tuple[Reading, Reading],
    script: KerasScript,
) -> Substitution | None:
    """Measure what the photos can give; where the run gives less, exchange its parts."""
    learned, unseen = evidence.train_answers, evidence.val_answers
    if learned is None or unseen is None or evidence.labels_outside or not script.trained:
        return None
    train, val = data
    photos = substitution.Material((train.images, train.labels), (val.images, val.labels))
    found = Substitution(substitution.reference(photos, evidence.classes))
    if found.learned_nothing(evidence.classes):
        alone = within(
            photos.train,
            photos.val,
            lambda a, b: substitution.reference(substitution.Material(a, b), evidence.classes),
        )
        found = replace(found, within=alone)
    gap = performance(replace(evidence, substitution=found))
    if gap is None or gap.lost < LOST or settled(replace(evidence, substitution=found)):
        return found
    rate = max((row["rate"] for row in rows(script.history) if "rate" in row), default=None)
    more = len(model.trainable_variables) > len(head.trainable_variables if head else ())
    if more and substitution.affordable(model, train.batches[0]):
        suspect = substitution.of_network(model, train, val, rate)
    elif head is not None and np.isfinite(learned.features).all():
        suspect = substitution.of_head(model, head, learned, unseen, train, rate)
    else:
        return found
    tried = substitution.substitute(suspect, found.reference)
    return found if tried is None else replace(tried, within=found.within)


def _pictures(reading: Reading) -> Pictures | None:
    """Photos in named numbers; None where they are no photos."""
    images = reading.images
    if images.ndim != 4 or images.shape[-1] not in {1, 3}:
        return None
    shape = (len(images), 3, *images.shape[1:3])
    return measure(np.broadcast_to(images.transpose(0, 3, 1, 2), shape), reading.labels)


def _entering(
    model: Any,  # noqa: ANN401
    entrance: Any,  # noqa: ANN401
    train: Reading,
    val: Reading,
) -> tuple[Pictures, Pictures] | None:
    """Photos of both sides as they enter the network; None where they enter as given."""
    ours = network.entering(model, entrance, train, training=True)
    theirs = network.entering(model, entrance, val, training=False)
    if ours is None or theirs is None:
        return None
    labels = [side.labels[looked_at(len(side.labels))] for side in (train, val)]
    return measure(ours, labels[0]), measure(theirs, labels[1])


def _drawn(train: Reading) -> Drawn | None:
    """Batches as fit gets them; None where it shuffles photos itself, or has one batch."""
    if len(train.drawn) < 2:
        return None
    prints = [hash(photo.tobytes()) for batch in train.drawn for photo in batch.images]
    return Drawn.of([batch.labels for batch in train.drawn], prints, train.labels)


def _one_hot(model: Any, train: Reading) -> bool:  # noqa: ANN401
    """Whether the metrics get one-hot labels: as the loss does, or as the data gives them."""
    targets = loss_of(model).targets
    return train.batches[0].one_hot if targets is None else targets == "one-hot"


def _subset(reading: Reading) -> Subset:
    folders = [Path(path).parent.name for path in reading.paths]  # batches come in another order
    named = set(folders) <= set(reading.classes)
    labels = np.array([reading.classes.index(f) for f in folders] if named else [], np.int64)
    files = origins(reading.paths, labels)
    return Subset(reading.size, reading.labels, reading.classes, reading.paths, origins=files)


def _loop(
    model: Any,  # noqa: ANN401
    script: KerasScript,
    train: Answers,
    head: Any,  # noqa: ANN401
    *,
    one_hot: bool,
) -> Loop:
    loss, classes = loss_of(model), train.outputs.shape[1]
    tried = None
    inside = 0 <= train.labels.min() <= train.labels.max() < classes
    optimizer = getattr(model, "optimizer", None)
    if optimizer is not None and head is not None and inside and np.isfinite(train.features).all():
        spread = evenly(len(train.labels), BATCH)
        tried = overfit_head(train.features[spread], train.labels[spread], classes, optimizer)
    return Loop(
        loss.name,
        rates_of(model),
        max((row["rate"] for row in rows(script.history) if "rate" in row), default=0.0),
        tried,
        rows(script.history),
        loss.takes,
        loss.targets,
        "one-hot" if one_hot else "integers",
    )

"""Fixes in Keras's words, for those who train with it."""

from dataclasses import replace

from florascope.doctor.checks import augmentation, figures, inputs, layers, loss, network, recorded
from florascope.doctor.checks import optimisation as optimizer
from florascope.doctor.finding import Finding

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
    figures.METRIC: 'Compile with metrics=["accuracy"], which chooses the one that fits the loss',
    figures.SHUFFLED: "Take labels and predictions in one pass, or build the data set with"
    " shuffle=False",
    layers.FROZEN_HEAD: "Set base.trainable = False instead of model.trainable, then compile again",
    layers.DEAD: 'Leave bias_initializer at "zeros", lower the learning rate, or use LeakyReLU',
    layers.ALIKE: 'Leave kernel_initializer at its default, "glorot_uniform"',
    loss.LOGITS: "Compile with from_logits=True, or give the last layer activation='softmax'",
    loss.BROADCAST: "Use SparseCategoricalCrossentropy for class numbers, or one-hot labels"
    " (keras.utils.to_categorical)",
    loss.REGRESSION: "Compile with SparseCategoricalCrossentropy: squared errors are for numbers",
    network.TWICE: "Use from_logits=False with a softmax, or Dense(K) without activation",
    network.NOT_LOADED: 'Build the backbone with weights="imagenet", or load_weights before it is'
    " frozen",
    optimizer.NOT_OPTIMISED: "Call model.compile again after changing trainable",
    optimizer.NOT_FROZEN: "Set layer.trainable = False before model.compile",
    optimizer.ZERO: "Compile with a learning rate above 0; look at the schedule's end",
    optimizer.LOW: "Raise learning_rate tenfold until the loss falls within an epoch",
    optimizer.HIGH: "Lower learning_rate tenfold until the loss falls steadily",
    recorded.SORTED: "Shuffle train: ds.shuffle(len(paths)), or fit(..., shuffle=True) on arrays",
}
"""By cause; a cause that is not here keeps its own fix."""


def in_keras(finding: Finding) -> Finding:
    """Say a finding's fix in Keras's words."""
    return replace(finding, fix=FIXES.get(finding.cause, finding.fix))

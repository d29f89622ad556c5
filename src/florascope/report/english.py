"""The report's sentences in English."""

from typing import Final

from florascope.report.english_analysis import ENGLISH_ANALYSIS
from florascope.report.english_audited import ENGLISH_AUDITED

ENGLISH: Final[dict[str, str]] = {
    # Small words
    "list.last": "{first} and {last}",
    "points": "{n} points",
    "between": "{low} to {high}",
    "yes": "yes",
    "no": "no",
    "automatic": "automatic",
    "photos": "photos",
    "photos.one": "{n} photo",
    "photos.many": "{n} photos",
    "classes.one": "{n} class",
    "classes.many": "{n} classes",
    "errors.one": "{n} error",
    "errors.many": "{n} errors",
    "pairs.one": "{n} pair of classes",
    "pairs.many": "{n} pairs of classes",
    "times.one": "once",
    "times.many": "{n} times",
    "figure": "Figure",
    "table": "Table",
    "class": "class",
    "subset": "photos for",
    "subset.train": "training",
    "subset.val": "validation",
    "subset.test": "test",
    "purpose.train": "fits the head's weights",
    "purpose.val": "chooses settings",
    "purpose.test": "measures, and takes part in no choice",
    "top1": "top-1",
    "top5": "top-5",
    "mean_class": "mean per class",
    "loss": "loss",
    "recall": "recall",
    "precision": "precision",
    "true": "true class",
    "predicted": "named as",
    "tone.alarm": "act",
    "tone.advice": "consider",
    "tone.sound": "sound",
    "progress": "Explaining photos",
    # Page
    "page.title": "{name}: training report",
    "page.eyebrow": "Training report",
    "page.lead": "{backbone} with a linear head that the {recipe} recipe fitted on {train} of"
    " {classes}, measured on {test} that took no part in it.",
    "page.top1": "Test photos named rightly",
    "page.interval": "top-1; 95% interval {interval}",
    "page.mean_class": "Mean per class",
    "page.mean_class.note": "every class counts alike",
    "page.loss": "Test loss",
    "page.uniform": "nats; a uniform guess has {uniform}",
    "page.errors": "Errors",
    "page.errors.note": "of {n} test photos",
    "page.contents": "Contents",
    "page.short": "In short",
    "page.footer": "Made by florascope {version}. Every sentence of the analysis is derived from"
    " the figures of this run; explained photos are drawn by rule and seed, not picked by hand.",
    # Data
    "data.title": "The data",
    "data.lead": "{name} holds {photos} of {classes}. The split “{split}” divides those that can"
    " be read into three sets without overlap.",
    "data.split.caption": "What each set of photos is for.",
    "data.share": "share",
    "data.purpose": "purpose",
    "data.counts.caption": "Photos of each class, most frequent first, by set.",
    "data.counts.alt": "Bar chart of the photos of each class. Most: {most} with {most_n}; fewest:"
    " {least} with {least_n}.",
    "data.samples.caption": "One training photo of each of {classes} drawn at random (seed"
    " {seed}), resized and cropped as the network sees it.",
    "data.sample.alt": "Training photo of {name}",
    "data.augmentation": "Augmentation",
    "data.views.caption": "Training photos drawn at random (seed {seed}), outlined, and the very"
    " views of them that the head was trained on, epoch by epoch.",
    "data.views.none": "The {recipe} recipe was run without augmentation: each photo was embedded"
    " once, as it is.",
    "data.view.alt": "Augmented view of {name} in epoch {epoch}",
    "data.epoch": "epoch {epoch}",
    "data.skipped": "Skipped photos",
    "data.skipped.none": "None: every photo could be read.",
    "data.skipped.count": "{count} could not be read and took no part:",
    "data.skipped.more": "and {count} more",
    # Recipe
    "recipe.title": "The recipe",
    "recipe.lead": "Every setting of the {recipe} recipe, defaults included. The same recipe with"
    " the same seed on the same photos gives the same numbers.",
    "recipe.caption": "Settings of the run.",
    "recipe.setting": "setting",
    "recipe.value": "value",
    "recipe.meaning": "what it is",
    "recipe.input": "The network's input",
    "recipe.input.lead": "The one contract between photo and network. Training, evaluation,"
    " explanation and the saved bundle all use these very values.",
    "recipe.input.caption": "From photo to input: x = (pixel / 255 - mean) / std.",
    "setting.recipe": "how the head is fitted",
    "setting.backbone": "the network, by timm's name",
    "setting.weights": "which pretrained weights",
    "setting.size": "height and width of the input, in pixels",
    "setting.crop_mode": "squash: resize to a square; center: keep the shape and cut",
    "setting.mean": "subtracted after scaling to [0, 1]",
    "setting.std": "divided by",
    "setting.learning_rate": "step size of Adam",
    "setting.batch_size": "photos a step",
    "setting.epochs": "passes over the training photos",
    "setting.augment": "whether training photos are varied at random",
    "setting.rotation": "degrees, to both sides",
    "setting.zoom": "share of the scale, to both sides",
    "setting.translate_x": "share of the width, to both sides",
    "setting.translate_y": "share of the height, to both sides",
    "setting.flip": "mirror left and right half of the time",
    "setting.seed": "start of everything drawn at random",
    "setting.ridge": "added to the covariance within the classes, in mean variances",
    "setting.l2_max": "strongest penalty on the weights that was tried",
    "setting.l2_min": "weakest penalty that was tried",
    "setting.l2_steps": "how many penalties; validation loss chose",
    "setting.max_iterations": "of L-BFGS for each penalty",
    # Results
    "results.title": "The results",
    "results.lead": "Top-1 is the share of photos whose likeliest class is the true one; top-5,"
    " the share whose true class is among the five likeliest; mean per class gives every class the"
    " same weight; loss is the mean cross-entropy in nats. The interval is Wilson's, at 95%.",
    "results.caption": "This run beside other results and beside answering without looking.",
    "results.interval": "95% interval",
    "results.own": "This run",
    "results.original": "The class report, Oxford 102",
    "results.original.note": "The class report froze MobileNetV2, trained Dense(102, softmax) for"
    " six epochs and blamed the frozen network for what it got. Its figures can be compared only"
    " with runs on Oxford Flowers 102; for other photos they are a warning, not a yardstick. Its"
    " test loss is above ln 102 = 4.625: worse than a uniform guess.",
    "results.uniform": "Uniform guess (1/K; loss ln K)",
    "results.majority": "Always the largest training class",
    "results.chance": "chance",
    "results.ranking.caption": "Top-1 on test. Bars: 95% intervals, where the number of photos is"
    " known. Dotted line: the best that can be had without looking at the photo.",
    "results.ranking.alt": "Test top-1: {rows}",
    # Curves
    "curves.title": "Learning curves",
    "curves.lead.epoch": "Loss and top-1 after each pass over the training photos. Training"
    " figures are those met on the way, on augmented photos where the recipe augments; validation"
    " is measured on plain photos at the end of each epoch.",
    "curves.lead.l2": "The head is fitted for a path of L2 penalties, from strong (left) to weak"
    " (right). Weaker penalties fit the training photos ever better; the one with the lowest"
    " validation loss is kept.",
    "curves.caption.epoch": "Loss and top-1 by epoch.",
    "curves.caption.l2": "Loss and top-1 by penalty; both scales of the loss are logarithmic.",
    "curves.loss": "loss (nats)",
    "curves.uniform": "uniform guess, ln K",
    "curves.epoch": "epoch",
    "curves.l2": "L2 penalty, strong to weak",
    "curves.epoch.best": "lowest validation loss",
    "curves.l2.best": "chosen penalty",
    "curves.loss.alt": "Loss along the fit: training from {train_first} to {train_last},"
    " validation from {val_first} to {val_last}.",
    "curves.top1.alt": "Top-1 along the fit: training from {train_first} to {train_last},"
    " validation from {val_first} to {val_last}.",
    # Confusions
    "confusions.title": "Confusions",
    "confusions.lead": "{errors} on test, in {kinds}.",
    "confusions.none": "No test photo was misnamed, so there is no confusion to show.",
    "confusions.caption": "Most frequent errors on test.",
    "confusions.share": "share of the true class",
    "confusions.of": "{share} of {n}",
    "confusions.trained": "training photos of the class",
    "confusions.taken_for": "mostly taken for",
    "confusions.matrix.caption": "Test photos by true class (rows) and answer (columns). The"
    " deeper a cell's colour, the larger its share of the row.",
    "confusions.matrix.alt": "Confusion matrix: {right} of {n} test photos on the diagonal",
    "confusions.recall.caption": "Recall of each class on test against its training photos. Dots"
    " grow with the number of test photos; the lowest recalls are named.",
    "confusions.recall.alt": "Scatter plot of recall against training photos for {classes} classes",
    "confusions.every": "All figures of {classes}, lowest recall first",
    "confusions.every.caption": "Every class on test. Recall: share of its photos named as it."
    " Precision: share of the answers naming it that are right.",
    # Explanations
    "explained.title": "Why it answered so",
    "explained.lead": "Up to three right and three wrong test answers, chosen by rule: the least"
    " sure right answer, the most confident error, and two of each kind at random (seed {seed})."
    " None was picked by hand. A heat map shows where the evidence lies, not whether the answer is"
    " right: wrong answers have convincing maps too.",
    "explained.methods.linear": "Two methods look at each photo. The sharp map shows what each"
    " place of the network's map, looked at in three sizes, contributes to the logit, shared out"
    " among the pixels that made it; its sum plus the bias is the logit. Integrated Gradients"
    " splits the logit's rise above a baseline picture over pixels; it is shown slightly smoothed,"
    " which leaves its sum unchanged.",
    "explained.methods.other": "Two methods look at each photo. Grad-CAM weighs the last feature"
    " map by the class's gradient; this network's head is not linear after pooling, so its sum"
    " promises nothing. Integrated Gradients splits the logit's rise above a baseline picture over"
    " pixels; it is shown slightly smoothed, which leaves its sum unchanged.",
    "explained.right": "right",
    "explained.wrong": "wrong",
    "explained.taken": "{true}, taken for {predicted}",
    "explained.seen": "what the network saw",
    "explained.candidates": "The likeliest classes",
    "explained.probability": "probability",
    "explained.both": "true, and the answer",
    "explained.why": "Why {name}?",
    "explained.contrast": "Why {predicted} and not {true}?",
    "explained.contrast.title": "{method}, difference",
    "explained.total": "sum {total}, logit {logit}",
    "explained.gap": "completeness gap {gap}",
    "explained.scale": "full colour at {scale} logits for each 1% of the picture",
    "explained.legend": "against and for the class. Each map has its own scale, named below it.",
    "explained.photo.alt": "Test photo {photo} of {name}, as the network saw it",
    "explained.heat.alt": "Heat map by {title}. {question}",
    "explained.overlay.alt": "The photo under the heat map by {title}. {question}",
    "explained.legend.alt": "Colour scale from evidence against to evidence for the class",
    "method.cam": "Class activation map",
    "method.sharp": "Sharp map",
    "method.gradcam": "Grad-CAM",
    "method.ig": "Integrated Gradients",
    "reason.random_right": "a right answer drawn at random",
    "reason.unsure_right": "the least sure right answer",
    "reason.random_error": "an error drawn at random",
    "reason.confident_error": "the most confident error",
    # Pair
    "pair.title": "The most confused pair",
    "pair.lead": "{true} was taken for {predicted} {times} on test, and no other error is more"
    " frequent. Judge for yourself what tells them apart.",
    "pair.of": "{name}: training photos",
    "pair.mistaken": "{true}, named {predicted}",
    "pair.note": "Training photos: those of each class whose features are nearest to the first"
    " misnamed photo (cosine). Misnamed photos: most confident error first. Below each photo, its"
    " evidence: for its own class in training photos, for the answer and not the true class in"
    " misnamed ones. Orange speaks for, blue against; each photo has its own scale.",
    "pair.heat.alt": "The photo under its heat map: why {name}",
    "pair.contrast.alt": "The photo under its heat map: why {predicted} and not {true}",
    "pair.mistaken.alt": "Test photo of {true} that was named {predicted}",
    "pair.training.alt": "Training photo of {name}",
    # Doctor
    "doctor.title": "What the doctor found",
    "doctor.lead": "Before and after the training the doctor looks for what fails without an error"
    " message: data, split, input, weights, loop. Most likely cause first.",
    # Analysis
    "analysis.title": "Analysis and proposals",
    "analysis.lead": "Each finding is computed from this run's figures; other figures give other"
    " findings. Where two shares are compared, their sampling error decides.",
    "analysis.proposal": "Proposal",
    **ENGLISH_ANALYSIS,
    **ENGLISH_AUDITED,
}

"""The findings of the analysis in English: claim, evidence and proposal of each."""

from typing import Final

ENGLISH_ANALYSIS: Final[dict[str, str]] = {
    "class.line": "{name} ({recall} of {support}, trained on {trained})",
    "loss.worse": "no better than",
    "loss.better": "hardly better than",
    "analysis.broken.claim": "The training is broken; the model is not merely weak.",
    "analysis.broken.evidence": "Test top-1 is {top1} ({interval}, {n} photos), where a uniform"
    " guess has {guess} and always naming the largest class {majority}; training top-1 is {train}."
    " The test loss, {loss}, is {verdict} that of a uniform guess, ln {classes} = {uniform}.",
    "analysis.broken.proposal": "Look for the fault before changing the model. Freezing is not the"
    " cause: on Oxford Flowers 102 a linear head on the same frozen MobileNetV2 names 94% of test"
    " photos rightly. Check, in this order, that the input is scaled once and as the weights"
    " expect, that labels and class names are in the same order, and that the loss fits the"
    " labels' encoding. Do not fine-tune, and trust no heat map, before these are right.",
    "analysis.apart.claim": "It learnt the training photos and nothing that holds for test photos.",
    "analysis.apart.evidence": "Training top-1 is {train}, test top-1 {top1} ({interval}, {n}"
    " photos); answering without looking has {guess} (uniform) or {majority} (largest class). Test"
    " loss {loss}, uniform guess {uniform}.",
    "analysis.apart.proposal": "Check first that test photos have labels of the same order and"
    " pass through the same preprocessing as training photos; then that the features carry"
    " anything (pretrained weights, not random ones).",
    "analysis.inconclusive.claim": "The test set is too small to tell this result from chance.",
    "analysis.inconclusive.evidence": "Test top-1 is {top1}, but on {n} photos the 95% interval,"
    " {interval}, reaches what answering without looking gets ({guess} uniform, {majority} largest"
    " class).",
    "analysis.inconclusive.proposal": "Measure on more photos before drawing any conclusion, or"
    " use cross-validation.",
    "analysis.costly.claim": "It often answers rightly, but its probabilities are worse than"
    " useless.",
    "analysis.costly.evidence": "Test top-1 is {top1} ({interval}), yet the test loss, {loss}, is"
    " {verdict} that of a uniform guess ({uniform}): errors are made with great confidence.",
    "analysis.costly.proposal": "Calibrate the probabilities (temperature scaling on the"
    " validation photos), and penalise the weights more strongly or stop earlier.",
    "analysis.learnt.claim": "The head has learnt to tell the classes apart.",
    "analysis.learnt.evidence": "Test top-1 is {top1} ({interval}, {n} photos), against {guess}"
    " for a uniform guess and {majority} for always naming the largest class. The test loss is"
    " {loss} where a uniform guess has {uniform}: on average it is as unsure as between"
    " {perplexity} equally likely classes, out of {classes}.",
    "analysis.learnt.proposal": "No fault to look for here; the findings below say where more is"
    " to be had.",
    "analysis.overfit.claim": "It fits the training photos much better than unseen ones.",
    "analysis.overfit.evidence": "Top-1 is {train} on training and {test} on test photos: {gap}"
    " apart. Loss: {train_loss} against {test_loss}.",
    "analysis.overfit.proposal": "More photos help most: on Oxford Flowers 102, a probe on 1, 2, 5"
    " and 10 photos a class reaches 47, 60, 77 and 86 % (florascope's benchmarks/recipes)."
    " Otherwise: augmentation where the recipe does not augment (there, 8 augmented views: 88"
    " instead of 86 %), or fine-tuning (in larger pictures, 92 instead of 87 %).",
    "analysis.underfit.claim": "It does not even fit the training photos.",
    "analysis.underfit.evidence": "Top-1 is {train} on the very photos it was trained on, and"
    " {test} on test ({gap} apart). Loss: {train_loss} against {test_loss}.",
    "analysis.underfit.proposal": "Fit longer or with a weaker penalty first; if training top-1"
    " stays there, the frozen features are the limit: take a larger backbone or fine-tune the last"
    " blocks at a low learning rate.",
    "analysis.fitted.claim": "Training and test are close: neither too much nor too little is"
    " fitted.",
    "analysis.fitted.evidence": "Top-1 is {train} on training and {test} on test photos: {gap}"
    " apart. Loss: {train_loss} against {test_loss}.",
    "analysis.fitted.proposal": "Leave the head as it is; a better backbone or more photos are the"
    " way to more.",
    "analysis.consistent.claim": "Validation and test agree within their sampling error.",
    "analysis.consistent.evidence": "Validation {val} ({val_interval}, {val_n} photos), test"
    " {test} ({test_interval}, {test_n} photos). The difference lies between {low} and {high}"
    " points, which includes none.",
    "analysis.consistent.proposal": "The test figure can be reported as it is. Do not read"
    " anything into differences between models of less than about {resolution} on these test"
    " photos.",
    "analysis.optimistic.claim": "Validation promises more than test keeps.",
    "analysis.optimistic.evidence": "Validation {val} ({val_interval}, {val_n} photos), test"
    " {test} ({test_interval}, {test_n} photos). The difference lies between {low} and {high}"
    " points.",
    "analysis.optimistic.proposal": "Look for photos of one plant, or near-duplicates, in both"
    " training and validation; for a test set from another source; and for settings chosen over"
    " and over on the same validation photos. Report the test figure.",
    "analysis.harder.claim": "Test photos are easier than validation photos.",
    "analysis.harder.evidence": "Validation {val} ({val_interval}, {val_n} photos), test {test}"
    " ({test_interval}, {test_n} photos). The difference lies between {low} and {high} points.",
    "analysis.harder.proposal": "Look for near-duplicates of training photos in the test set, and"
    " for classes that are missing from one of the two. Split again at random, by plant where"
    " there are several photos of one.",
    "analysis.scarce.claim": "Classes with few photos are recognised less.",
    "analysis.scarce.evidence": "The quarter of the classes with the fewest training photos (up to"
    " {limit}) reaches {few} on test, the others {many}; the difference lies between {low} and"
    " {high} points.",
    "analysis.scarce.proposal": "Photograph more of them, starting with {names}.",
    "analysis.enough.claim": "Having few photos is not what costs accuracy here.",
    "analysis.enough.evidence": "The quarter of the classes with the fewest training photos (up to"
    " {limit}) reaches {few} on test, the others {many}; the difference lies between {low} and"
    " {high} points.",
    "analysis.enough.proposal": "Collecting more photos of the rarest classes is not the first"
    " thing to do.",
    "analysis.weak.scarce.claim": "Recognised clearly less than the rest: {count}, most of them"
    " with few photos.",
    "analysis.weak.scarce.evidence": "Lowest recalls: {names}. The 95% interval of each lies below"
    " the overall top-1, {top1}; by sampling error alone, about {chance} of {classes} classes"
    " would be found so. Half of all classes have {usual} training photos or more.",
    "analysis.weak.scarce.proposal": "Photograph these first, {first} before all, in the settings"
    " and stages they are met in.",
    "analysis.weak.alike.claim": "Recognised clearly less than the rest: {count}, though most of"
    " them have as many photos as others.",
    "analysis.weak.alike.evidence": "Lowest recalls: {names}. The 95% interval of each lies below"
    " the overall top-1, {top1}; by sampling error alone, about {chance} of {classes} classes"
    " would be found so. Half of all classes have {usual} training photos or more.",
    "analysis.weak.alike.proposal": "Look at what they are taken for, {first} before all: either"
    " the classes look alike at this resolution, or labels are mixed up.",
    "analysis.flawless.claim": "No test photo was misnamed.",
    "analysis.flawless.evidence": "{n} test photos without an error still allow a true error rate"
    " of up to {most} (95% interval).",
    "analysis.flawless.proposal": "Make sure that no test photo has a near-duplicate among the"
    " training photos, and test on harder or newer photos.",
    "analysis.dominant.claim": "A few pairs of classes make most of what goes wrong: above all,"
    " {true} is taken for {predicted}.",
    "analysis.dominant.evidence": "{share} of {errors} fall to {pairs}, out of {kinds} that occur."
    " {true} was taken for {predicted} {count}, {rate} of its test photos.",
    "analysis.dominant.proposal": "Work on these pairs: photos that show what tells them apart, a"
    " larger input where the difference is small, or a joint answer (“{true} or {predicted}”)"
    " where the photo cannot decide.",
    "analysis.spread.claim": "Errors are spread over many pairs of classes.",
    "analysis.spread.evidence": "{errors} fall to {kinds} different pairs; the {pairs} met most"
    " often make {share} of them. The first is {true} taken for {predicted}, {count}.",
    "analysis.spread.proposal": "No single pair is worth special care; better features (a larger"
    " backbone, fine-tuning) help all of them at once.",
    "analysis.epochs.more.claim": "It was still improving when training ended.",
    "analysis.epochs.more.evidence": "Validation loss was lowest in the last of {steps} epochs"
    " ({loss}).",
    "analysis.epochs.more.proposal": "Train for more epochs and stop once validation loss has not"
    " fallen for a few; frozen features make that cheap.",
    "analysis.epochs.stop.claim": "Training went on past its best epoch.",
    "analysis.epochs.stop.evidence": "Validation loss was lowest in epoch {chosen} ({loss}) and"
    " ended at {last_loss} after {steps} epochs.",
    "analysis.epochs.stop.proposal": "Stop early, at epoch {chosen}, or lower the learning rate"
    " towards the end.",
    "analysis.path.single.claim": "Only one penalty was tried.",
    "analysis.path.single.evidence": "The path has one step, {chosen} (validation loss {loss}).",
    "analysis.path.single.proposal": "Raise l2_steps, so that validation can choose.",
    "analysis.path.inside.claim": "The penalty was chosen within the path, not at its end.",
    "analysis.path.inside.evidence": "Of {steps} penalties from {first} to {last}, {chosen} had"
    " the lowest validation loss ({loss}); both stronger and weaker ones did worse.",
    "analysis.path.inside.proposal": "The path is wide enough; a finer one would change little.",
    "analysis.path.strong.claim": "The strongest penalty won: an even stronger one may be better.",
    "analysis.path.strong.evidence": "Of {steps} penalties from {first} to {last}, the first had"
    " the lowest validation loss ({loss}).",
    "analysis.path.strong.proposal": "Raise l2_max tenfold and fit again.",
    "analysis.path.weak.claim": "The weakest penalty won: an even weaker one may be better.",
    "analysis.path.weak.evidence": "Of {steps} penalties from {first} to {last}, the last had the"
    " lowest validation loss ({loss}).",
    "analysis.path.weak.proposal": "Lower l2_min tenfold and fit again.",
    "analysis.honest.claim": "Its probabilities are about as high as they should be.",
    "analysis.honest.evidence": "The mean probability of its answers is {confidence}; {top1} of"
    " them are right ({interval}).",
    "analysis.honest.proposal": "On average the probabilities can be taken at their word; that"
    " does not hold for photos of anything else than these classes.",
    "analysis.boastful.claim": "It is surer than it should be.",
    "analysis.boastful.evidence": "The mean probability of its answers is {confidence}, but {top1}"
    " of them are right ({interval}).",
    "analysis.boastful.proposal": "Calibrate the probabilities on the validation photos before"
    " anybody relies on them.",
    "analysis.modest.claim": "It is less sure than it could be.",
    "analysis.modest.evidence": "The mean probability of its answers is {confidence}, while {top1}"
    " of them are right ({interval}).",
    "analysis.modest.proposal": "Calibrate the probabilities on the validation photos; answers"
    " that look doubtful now would turn out trustworthy.",
    "analysis.skipped.claim": "{count} could not be read and took no part.",
    "analysis.skipped.evidence": "That is {share} of {photos}. They are named in section 1.",
    "analysis.skipped.proposal": "Mend or remove them, so that the figures speak of the whole data"
    " set.",
}

"""The sentences of the quick audit in English."""

from typing import Final

ENGLISH_AUDITED: Final[dict[str, str]] = {
    "audited.title": "Can the maps be believed?",
    "audited.lead": "A heat map is a claim, and claims can be tested. Here the maps of one method,"
    " {method}, are tested on {photos} of the test set, evenly picked, beside two maps that know"
    " nothing of the network: one drawn at random, and a blob in the middle, where photographers"
    " put their subject.",
    "audited.verdict.all": "{method} passes all {n} checks on these photos.",
    "audited.verdict.some": "{method} passes {passed} of {n} checks on these photos; it does not"
    " pass: {failed}.",
    "audited.caption": "Mean probability of the answer while the photo is blurred away, strongest"
    " evidence first (deletion, left: the lower the better), and while it comes back out of the"
    " blur in the same order (insertion, right: the higher the better).",
    "audited.deletion.alt": "Deletion curves. Area under that of {method}: {own}; of the random"
    " map: {random}; of the blob in the middle: {centre}.",
    "audited.insertion.alt": "Insertion curves. Area under that of {method}: {own}; of the random"
    " map: {random}; of the blob in the middle: {centre}.",
    "audited.deletion.share": "share of the photo removed",
    "audited.insertion.share": "share of the photo restored",
    "audited.probability": "probability of the answer",
    "audited.table": "Areas under the curves, and their difference (gain), which is 0 for a map"
    " that knows nothing; with 95% intervals over the photos.",
    "audited.map": "map",
    "audited.deletion": "deletion",
    "audited.insertion": "insertion",
    "audited.gain": "gain",
    "audited.random": "at random",
    "audited.centre": "blob in the middle",
    "audited.interval": "{mean} ({low} to {high})",
    "audited.passes": "passes",
    "audited.fails": "does not pass",
    "audited.faithful": "hanging on the places named",
    "audited.faithful.passes": "The answer hangs on the places that the maps name: their gain lies"
    " {found} above that of a random map.",
    "audited.faithful.fails": "It is not shown that the answer hangs on the places that the maps"
    " name: their gain lies {found} above that of a random map, an interval that is not wholly"
    " above 0.",
    "audited.informative": "saying more than “look at the middle”",
    "audited.informative.passes": "The maps say more than “look at the middle”: their gain lies"
    " {found} above that of the blob.",
    "audited.informative.fails": "It is not shown that the maps say more than “look at the"
    " middle”: their gain lies {found} above that of the blob, an interval that is not wholly"
    " above 0.",
    "audited.localised": "lying on the flower",
    "audited.localised.passes": "The evidence lies on the flower: a flower pixel has more of it"
    " than a background pixel with probability {found}; chance is 0.5, the blob in the middle"
    " {centre}.",
    "audited.localised.fails": "The evidence does not lie on the flower for certain: a flower"
    " pixel has more of it than a background pixel with probability {found}; chance is 0.5, the"
    " blob in the middle {centre}.",
    "audited.learned": "depending on the weights",
    "audited.learned.passes": "The maps show what was learned: with the network's weights shuffled"
    " they become others, of rank correlation {found} with these.",
    "audited.learned.fails": "The maps may show the photo rather than what was learned: with the"
    " network's weights shuffled they still have a rank correlation of {found} with these, where"
    " less than 0.5 is needed.",
    "audited.stable": "standing still under noise",
    "audited.stable.passes": "Noise that nobody sees leaves the maps as they are: correlation"
    " {found}.",
    "audited.stable.fails": "Noise that nobody sees changes the maps: correlation {found}, where"
    " more than 0.9 is needed.",
    "audited.mirrored": "moving with the mirrored photo",
    "audited.mirrored.passes": "The maps move with the flower: that of the mirrored photo, mirrored"
    " back, has a correlation of {found} with that of the photo.",
    "audited.mirrored.fails": "The maps do not move with the flower: that of the mirrored photo,"
    " mirrored back, has a correlation of {found} with that of the photo, where more than 0.7 is"
    " needed.",
    "audited.complete": "summing to the logit",
    "audited.complete.passes": "The maps are complete: they miss what they should sum to by"
    " {found}.",
    "audited.complete.fails": "The maps are not complete: they miss what they should sum to by"
    " {found}, where less than 1% is needed.",
    "audited.note": "A check is passed where its whole 95% interval lies on the right side, so that"
    " with so few photos not passing may only mean not proven; florascope audit measures more"
    " photos and methods. Maps that pass are true to this network; that does not make the network"
    " right.",
}

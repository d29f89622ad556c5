"""The sentences of an answer in English and Spanish. None says that anything is safe."""

from dataclasses import dataclass, replace

from florascope.calibration.calibration import Calibration
from florascope.data.species import Harm, Language


@dataclass(frozen=True, slots=True)
class Words:
    """One language.

    Attributes:
        species: with {what}.
        genus: with {group}.
        family: with {group}.
        group: with {group}.
        unsure: with {names}.
        uncalibrated: with {names}.
        rough: with {photos}, the few that a calibration rests on.
        none: unlike all that the classifier was shown.
        nearest: after "none", with {what}: what it resembles the most.
        resemblance: why that is not enough, with {alike} and {needed} (cosines to the nearest
            class's mean) and {share} of known photos.
        disagreeing: of photos together that alone would be named differently.
        uncounted: with {count} of {photos} together that have no say.
        weighted: with {occasion} (`month`, cell) and {alone}: what a prior did to the percentages.
        month: with {month}, 1 to 12.
        unweighted: that it did nothing, since the photo was refused.
        either: between the last two of several names.
        others: with {count}: after the first names of many.
        advice: what goes with every answer.
        people: harm to people in words; "unlisted" has none.
        pets: harm to cats and dogs in words; likewise.
        headings: of the parts of an answer.
    """

    species: str
    genus: str
    family: str
    group: str
    unsure: str
    uncalibrated: str
    rough: str
    none: str
    nearest: str
    resemblance: str
    disagreeing: str
    uncounted: str
    weighted: str
    month: str
    unweighted: str
    either: str
    others: str
    advice: str
    people: dict[Harm, str]
    pets: dict[Harm, str]
    headings: dict[str, str]


ENGLISH = Words(
    species="This is {what}.",
    genus="This is probably of the genus {group}.",
    family="This is probably of the family {group}.",
    group="This is probably one of the group {group}.",
    unsure="Not sure. It may be {names}.",
    uncalibrated="Not sure: this model's confidence was never checked. It may be {names}.",
    rough="Percentages were calibrated on {photos} photos only: treat them as rough.",
    none="This is unlike anything I was shown.",
    nearest="The nearest is {what}.",
    resemblance="Its resemblance to that is {alike}, of at most 1; of photos of what I know,"
    " {share} in 100 reach {needed}.",
    disagreeing="Each alone, the photos speak for different things: they may not all show the same"
    " one.",
    uncounted="Unlike anything I was shown, and left out of account: {count} of the {photos}"
    " photos.",
    weighted="The percentages are weighted by how likely each is there and then ({occasion})."
    " By the photo alone: {alone}.",
    month="month {month}",
    unweighted="Time and place were left out of account: they make no answer of a photo like this.",
    either="or",
    others="{count} more",
    advice="A picture can mislead: do not eat or taste a plant, use it as a remedy or give it to an"
    " animal because of this answer.",
    people={
        "deadly": "deadly to people",
        "poisonous": "poisonous to people",
        "harmful": "harmful to people",
        "unknown": "harm to people is not known, so treat it as harmful",
    },
    pets={
        "deadly": "deadly to pets",
        "poisonous": "poisonous to pets",
        "harmful": "harmful to pets",
        "unknown": "harm to pets is not known, so treat it as harmful",
    },
    headings={
        "candidates": "Candidates",
        "cautions": "Caution",
        "lookalikes": "Looks alike",
        "source": "Source",
    },
)

SPANISH = Words(
    species="Esto es {what}.",
    genus="Esto es probablemente del género {group}.",
    family="Esto es probablemente de la familia {group}.",
    group="Esto es probablemente uno del grupo {group}.",
    unsure="No es seguro. Puede ser {names}.",
    uncalibrated="No es seguro: nunca se comprobó la confianza de este modelo. Puede ser {names}.",
    rough="Los porcentajes se calibraron con solo {photos} fotos: tómelos como aproximados.",
    none="Esto no se parece a nada que me hayan mostrado.",
    nearest="Lo más cercano es {what}.",
    resemblance="Su parecido es {alike}, de 1 como máximo; de las fotos de lo que conozco, {share}"
    " de cada 100 llegan a {needed}.",
    disagreeing="Cada una por sí sola, las fotos hablan de cosas distintas: quizá no muestren todas"
    " lo mismo.",
    uncounted="No se parecen a nada que me hayan mostrado y no se tuvieron en cuenta: {count} de"
    " las {photos} fotos.",
    weighted="Los porcentajes se ponderaron según lo probable que es cada una allí y entonces"
    " ({occasion}). Solo por la foto: {alone}.",
    month="mes {month}",
    unweighted="El lugar y la fecha no se tuvieron en cuenta: no hacen una respuesta de una foto"
    " así.",
    either="o",
    others="{count} más",
    advice="Una imagen puede engañar: no coma ni pruebe una planta, no la use como remedio ni se la"
    " dé a un animal por esta respuesta.",
    people={
        "deadly": "mortal para las personas",
        "poisonous": "venenosa para las personas",
        "harmful": "dañina para las personas",
        "unknown": "no se conoce su daño a las personas: trátela como dañina",
    },
    pets={
        "deadly": "mortal para las mascotas",
        "poisonous": "venenosa para las mascotas",
        "harmful": "dañina para las mascotas",
        "unknown": "no se conoce su daño a las mascotas: trátela como dañina",
    },
    headings={
        "candidates": "Candidatas",
        "cautions": "Precaución",
        "lookalikes": "Se parecen",
        "source": "Fuente",
    },
)

WORDS: dict[Language, Words] = {"en": ENGLISH, "es": SPANISH}
OF_THINGS: dict[Language, Words] = {
    "en": replace(
        ENGLISH,
        advice="A picture can mislead: do not rely on this answer alone where health or safety"
        " depends on it.",
    ),
    "es": replace(
        SPANISH,
        advice="Una imagen puede engañar: no confíe solo en esta respuesta cuando de ella dependan"
        " la salud o la seguridad.",
    ),
}


def calibration_remark(calibration: Calibration | None, language: Language) -> str | None:
    """Say on how few photos percentages rest; None where they are enough, or were never checked."""
    if calibration is None or not calibration.rough:
        return None
    return WORDS[language].rough.format(photos=calibration.photos)

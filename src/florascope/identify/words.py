"""The sentences of an answer in English and Spanish. None says that anything is safe."""

from dataclasses import dataclass

from florascope.calibration.calibration import Calibration
from florascope.data.species import Harm, Language


@dataclass(frozen=True, slots=True)
class Words:
    """One language.

    Attributes:
        species: with {what}.
        genus: with {group}.
        family: with {group}.
        unsure: with {names}.
        uncalibrated: with {names}.
        rough: with {photos}, the few that a calibration rests on.
        none: not a flower that the classifier knows.
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
    unsure: str
    uncalibrated: str
    rough: str
    none: str
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
    unsure="Not sure. It may be {names}.",
    uncalibrated="Not sure: this model's confidence was never checked. It may be {names}.",
    rough="Percentages were calibrated on {photos} photos only: treat them as rough.",
    none="This is not a flower that I know.",
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
    unsure="No es seguro. Puede ser {names}.",
    uncalibrated="No es seguro: nunca se comprobó la confianza de este modelo. Puede ser {names}.",
    rough="Los porcentajes se calibraron con solo {photos} fotos: tómelos como aproximados.",
    none="Esto no es una flor que yo conozca.",
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


def calibration_remark(calibration: Calibration | None, language: Language) -> str | None:
    """Say on how few photos percentages rest; None where they are enough, or were never checked."""
    if calibration is None or not calibration.rough:
        return None
    return WORDS[language].rough.format(photos=calibration.photos)

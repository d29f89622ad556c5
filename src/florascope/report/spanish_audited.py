"""The sentences of the quick audit in Spanish."""

from typing import Final

SPANISH_AUDITED: Final[dict[str, str]] = {
    "audited.title": "¿Son de fiar los mapas?",
    "audited.lead": "Un mapa de calor es una afirmación, y las afirmaciones se pueden poner a"
    " prueba. Aquí se prueban los mapas de un método, {method}, con {photos} del conjunto de"
    " prueba, elegidas a intervalos regulares, junto a dos mapas que nada saben de la red: uno al"
    " azar y una mancha en el centro, donde los fotógrafos colocan el motivo.",
    "audited.verdict.all": "{method}: supera las {n} comprobaciones en estas fotos.",
    "audited.verdict.some": "{method}: supera {passed} de {n} comprobaciones en estas fotos; no"
    " supera: {failed}.",
    "audited.caption": "Probabilidad media de la respuesta mientras la foto se va desenfocando,"
    " primero la evidencia más fuerte (borrado, izquierda: cuanto más baja, mejor), y mientras"
    " vuelve del desenfoque en el mismo orden (inserción, derecha: cuanto más alta, mejor).",
    "audited.deletion.alt": "Curvas de borrado. Área bajo la de {method}: {own}; la del mapa al"
    " azar: {random}; la de la mancha en el centro: {centre}.",
    "audited.insertion.alt": "Curvas de inserción. Área bajo la de {method}: {own}; la del mapa al"
    " azar: {random}; la de la mancha en el centro: {centre}.",
    "audited.deletion.share": "parte de la foto borrada",
    "audited.insertion.share": "parte de la foto restaurada",
    "audited.probability": "probabilidad de la respuesta",
    "audited.table": "Áreas bajo las curvas y su diferencia (ganancia), que es 0 para un mapa que"
    " no sabe nada; con intervalos del 95 % sobre las fotos.",
    "audited.map": "mapa",
    "audited.deletion": "borrado",
    "audited.insertion": "inserción",
    "audited.gain": "ganancia",
    "audited.random": "al azar",
    "audited.centre": "mancha en el centro",
    "audited.interval": "{mean} (de {low} a {high})",
    "audited.passes": "superada",
    "audited.fails": "no superada",
    "audited.faithful": "depender de los lugares señalados",
    "audited.faithful.passes": "La respuesta depende de los lugares que señalan los mapas: su"
    " ganancia supera en {found} la de un mapa al azar.",
    "audited.faithful.fails": "No está demostrado que la respuesta dependa de los lugares que"
    " señalan los mapas: la diferencia entre su ganancia y la de un mapa al azar es {found}, un"
    " intervalo que no queda por entero sobre 0.",
    "audited.informative": "decir más que «mira al centro»",
    "audited.informative.passes": "Los mapas dicen más que «mira al centro»: su ganancia supera en"
    " {found} la de la mancha.",
    "audited.informative.fails": "No está demostrado que los mapas digan más que «mira al centro»:"
    " la diferencia entre su ganancia y la de la mancha es {found}, un intervalo que no queda por"
    " entero sobre 0.",
    "audited.localised": "estar sobre la flor",
    "audited.localised.passes": "La evidencia está sobre la flor: un píxel de flor tiene más que"
    " uno de fondo con probabilidad {found}; el azar da 0,5 y la mancha en el centro, {centre}.",
    "audited.localised.fails": "No es seguro que la evidencia esté sobre la flor: un píxel de flor"
    " tiene más que uno de fondo con probabilidad {found}; el azar da 0,5 y la mancha en el"
    " centro, {centre}.",
    "audited.learned": "depender de los pesos",
    "audited.learned.passes": "Los mapas muestran lo aprendido: al barajar los pesos de la red"
    " pasan a ser otros, con una correlación de rangos de {found} con estos.",
    "audited.learned.fails": "Puede que los mapas muestren la foto y no lo aprendido: al barajar"
    " los pesos de la red aún tienen una correlación de rangos de {found} con estos, cuando debe"
    " ser menor que 0,5.",
    "audited.stable": "resistir el ruido",
    "audited.stable.passes": "Un ruido que nadie percibe deja los mapas como están: correlación de"
    " {found}.",
    "audited.stable.fails": "Un ruido que nadie percibe cambia los mapas: correlación de {found},"
    " cuando debe ser mayor que 0,9.",
    "audited.mirrored": "moverse con la foto reflejada",
    "audited.mirrored.passes": "Los mapas se mueven con la flor: el de la foto reflejada, reflejado"
    " de vuelta, tiene una correlación de {found} con el de la foto.",
    "audited.mirrored.fails": "Los mapas no se mueven con la flor: el de la foto reflejada,"
    " reflejado de vuelta, tiene una correlación de {found} con el de la foto, cuando debe ser"
    " mayor que 0,7.",
    "audited.complete": "sumar el logit",
    "audited.complete.passes": "Los mapas son completos: se apartan un {found} de lo que deben"
    " sumar.",
    "audited.complete.fails": "Los mapas no son completos: se apartan un {found} de lo que deben"
    " sumar, cuando debe ser menos del 1 %.",
    "audited.note": "Una comprobación se supera cuando todo su intervalo del 95 % queda en el lado"
    " bueno; con tan pocas fotos, no superarla puede significar solo que no está demostrado."
    " florascope audit mide más fotos y métodos. Los mapas que la superan son fieles a esta red;"
    " eso no hace que la red acierte.",
}

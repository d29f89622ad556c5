"""The findings of the analysis in Spanish: claim, evidence and proposal of each."""

from typing import Final

SPANISH_ANALYSIS: Final[dict[str, str]] = {
    "class.line": "{name} ({recall} de {support}, entrenada con {trained})",
    "loss.worse": "no es mejor que",
    "loss.better": "apenas es mejor que",
    "analysis.broken.claim": "El entrenamiento está roto; el modelo no es simplemente débil.",
    "analysis.broken.evidence": "El top-1 en prueba es {top1} ({interval}, {n} fotos), cuando"
    " responder al azar da {guess} y nombrar siempre la clase más frecuente {majority}; el top-1"
    " en entrenamiento es {train}. La pérdida en prueba, {loss}, {verdict} la de responder al"
    " azar, ln {classes} = {uniform}.",
    "analysis.broken.proposal": "Busque el fallo antes de cambiar el modelo. Congelar la red no es"
    " la causa: con Oxford Flowers 102, una cabeza lineal sobre la misma MobileNetV2 congelada"
    " acierta el 94 % de las fotos de prueba. Compruebe, por este orden, que la entrada se escala"
    " una sola vez y como esperan los pesos, que etiquetas y nombres de clase siguen el mismo"
    " orden y que la pérdida corresponde a la codificación de las etiquetas. No haga ajuste fino"
    " ni se fíe de ningún mapa de calor antes de eso.",
    "analysis.apart.claim": "Aprendió las fotos de entrenamiento y nada que valga para las de"
    " prueba.",
    "analysis.apart.evidence": "El top-1 es {train} en entrenamiento y {top1} en prueba"
    " ({interval}, {n} fotos); responder sin mirar da {guess} (azar) o {majority} (clase más"
    " frecuente). Pérdida en prueba: {loss}; azar: {uniform}.",
    "analysis.apart.proposal": "Compruebe primero que las fotos de prueba tienen las etiquetas en"
    " el mismo orden y pasan por el mismo preprocesado que las de entrenamiento; después, que las"
    " características contienen algo (pesos preentrenados, no aleatorios).",
    "analysis.inconclusive.claim": "Hay demasiado pocas fotos de prueba para distinguir este"
    " resultado del azar.",
    "analysis.inconclusive.evidence": "El top-1 en prueba es {top1}, pero con {n} fotos el"
    " intervalo del 95 %, {interval}, alcanza lo que se logra sin mirar ({guess} al azar,"
    " {majority} con la clase más frecuente).",
    "analysis.inconclusive.proposal": "Mida con más fotos antes de concluir nada, o use validación"
    " cruzada.",
    "analysis.costly.claim": "Acierta a menudo, pero sus probabilidades son peores que inútiles.",
    "analysis.costly.evidence": "El top-1 en prueba es {top1} ({interval}), pero la pérdida,"
    " {loss}, {verdict} la de responder al azar ({uniform}): los errores se cometen con gran"
    " seguridad.",
    "analysis.costly.proposal": "Calibre las probabilidades (escalado de temperatura con las fotos"
    " de validación) y penalice más los pesos o pare antes.",
    "analysis.learnt.claim": "La cabeza ha aprendido a distinguir las clases.",
    "analysis.learnt.evidence": "El top-1 en prueba es {top1} ({interval}, {n} fotos), frente a"
    " {guess} al azar y {majority} nombrando siempre la clase más frecuente. La pérdida es {loss},"
    " y al azar {uniform}: en promedio duda como entre {perplexity} clases igual de probables, de"
    " {classes}.",
    "analysis.learnt.proposal": "No hay fallo que buscar; lo que sigue dice dónde se puede"
    " mejorar.",
    "analysis.overfit.claim": "Se ajusta mucho mejor a las fotos de entrenamiento que a las"
    " nuevas.",
    "analysis.overfit.evidence": "El top-1 es {train} en entrenamiento y {test} en prueba: {gap}"
    " de diferencia. Pérdida: {train_loss} frente a {test_loss}.",
    "analysis.overfit.proposal": "Lo que más ayuda son más fotos: en Oxford Flowers 102, una cabeza"
    " lineal con 1, 2, 5 y 10 fotos por clase alcanza 47, 60, 77 y 86 % (benchmarks/recipes, en"
    " florascope). Si no, aumento de datos si la receta no lo usa (allí, 8 vistas aumentadas: 88 en"
    " vez de 86 %), o ajustar toda la red (con imágenes mayores, 92 en vez de 87 %).",
    "analysis.underfit.claim": "Ni siquiera se ajusta a las fotos de entrenamiento.",
    "analysis.underfit.evidence": "El top-1 es {train} en las mismas fotos con que se entrenó y"
    " {test} en prueba ({gap} de diferencia). Pérdida: {train_loss} frente a {test_loss}.",
    "analysis.underfit.proposal": "Primero, ajuste durante más tiempo o con menos penalización; si"
    " el top-1 en entrenamiento no sube, el límite son las características congeladas: use una red"
    " mayor o ajuste los últimos bloques con una tasa de aprendizaje baja.",
    "analysis.fitted.claim": "Entrenamiento y prueba van parejos: ni sobreajuste ni subajuste.",
    "analysis.fitted.evidence": "El top-1 es {train} en entrenamiento y {test} en prueba: {gap} de"
    " diferencia. Pérdida: {train_loss} frente a {test_loss}.",
    "analysis.fitted.proposal": "Deje la cabeza como está; para mejorar, una red mejor o más"
    " fotos.",
    "analysis.consistent.claim": "Validación y prueba coinciden dentro de su error de muestreo.",
    "analysis.consistent.evidence": "Validación {val} ({val_interval}, {val_n} fotos), prueba"
    " {test} ({test_interval}, {test_n} fotos). La diferencia está entre {low} y {high} puntos, lo"
    " que incluye el cero.",
    "analysis.consistent.proposal": "La cifra de prueba se puede publicar tal cual. No dé"
    " importancia a diferencias entre modelos menores de unos {resolution} con estas fotos.",
    "analysis.optimistic.claim": "Validación promete más de lo que prueba cumple.",
    "analysis.optimistic.evidence": "Validación {val} ({val_interval}, {val_n} fotos), prueba"
    " {test} ({test_interval}, {test_n} fotos). La diferencia está entre {low} y {high} puntos.",
    "analysis.optimistic.proposal": "Busque fotos de una misma planta, o casi duplicadas, en"
    " entrenamiento y validación; un conjunto de prueba de otro origen; y parámetros elegidos una"
    " y otra vez con las mismas fotos de validación. Publique la cifra de prueba.",
    "analysis.harder.claim": "Las fotos de prueba son más fáciles que las de validación.",
    "analysis.harder.evidence": "Validación {val} ({val_interval}, {val_n} fotos), prueba {test}"
    " ({test_interval}, {test_n} fotos). La diferencia está entre {low} y {high} puntos.",
    "analysis.harder.proposal": "Busque en prueba casi duplicados de fotos de entrenamiento, y"
    " clases que falten en uno de los dos conjuntos. Divida de nuevo al azar, por planta si hay"
    " varias fotos de una.",
    "analysis.scarce.claim": "Las clases con pocas fotos se reconocen peor.",
    "analysis.scarce.evidence": "La cuarta parte de las clases con menos fotos de entrenamiento"
    " (hasta {limit}) logra {few} en prueba, las demás {many}; la diferencia está entre {low} y"
    " {high} puntos.",
    "analysis.scarce.proposal": "Fotografíelas más, empezando por {names}.",
    "analysis.enough.claim": "Aquí la falta de fotos no es lo que resta aciertos.",
    "analysis.enough.evidence": "La cuarta parte de las clases con menos fotos de entrenamiento"
    " (hasta {limit}) logra {few} en prueba, las demás {many}; la diferencia está entre {low} y"
    " {high} puntos.",
    "analysis.enough.proposal": "Reunir más fotos de las clases más escasas no es lo primero que"
    " hay que hacer.",
    "analysis.weak.scarce.claim": "Se reconocen claramente peor que el resto: {count}, la mayoría"
    " con pocas fotos.",
    "analysis.weak.scarce.evidence": "Las exhaustividades más bajas: {names}. El intervalo del 95"
    " % de cada una queda por debajo del top-1 global, {top1}; solo por error de muestreo"
    " ocurriría con unas {chance} de {classes} clases. La mitad de las clases tiene {usual} fotos"
    " de entrenamiento o más.",
    "analysis.weak.scarce.proposal": "Fotografíe primero estas, sobre todo {first}, en los"
    " entornos y fases en que se encuentran.",
    "analysis.weak.alike.claim": "Se reconocen claramente peor que el resto: {count}, aunque la"
    " mayoría tiene tantas fotos como las demás.",
    "analysis.weak.alike.evidence": "Las exhaustividades más bajas: {names}. El intervalo del 95 %"
    " de cada una queda por debajo del top-1 global, {top1}; solo por error de muestreo ocurriría"
    " con unas {chance} de {classes} clases. La mitad de las clases tiene {usual} fotos de"
    " entrenamiento o más.",
    "analysis.weak.alike.proposal": "Mire con qué se confunden, sobre todo {first}: o las clases"
    " se parecen a esta resolución, o hay etiquetas cambiadas.",
    "analysis.flawless.claim": "No se falló ninguna foto de prueba.",
    "analysis.flawless.evidence": "{n} fotos de prueba sin error admiten aún una tasa de error"
    " real de hasta {most} (intervalo del 95 %).",
    "analysis.flawless.proposal": "Asegúrese de que ninguna foto de prueba tiene casi un duplicado"
    " en entrenamiento, y pruebe con fotos más difíciles o nuevas.",
    "analysis.dominant.claim": "Unos pocos pares de clases causan la mayor parte de los errores:"
    " sobre todo, {true} se confunde con {predicted}.",
    "analysis.dominant.evidence": "El {share} de {errors} corresponde a {pairs}, de {kinds} que"
    " aparecen. {true} se confundió con {predicted} {count}, el {rate} de sus fotos de prueba.",
    "analysis.dominant.proposal": "Trabaje en estos pares: fotos que muestren lo que las"
    " distingue, una entrada mayor si la diferencia es pequeña, o una respuesta conjunta («{true}"
    " o {predicted}») cuando la foto no permite decidir.",
    "analysis.spread.claim": "Los errores se reparten entre muchos pares de clases.",
    "analysis.spread.evidence": "{errors} se reparten en {kinds} pares distintos; los más"
    " frecuentes, {pairs}, suman el {share}. El primero es {true} confundida con {predicted},"
    " {count}.",
    "analysis.spread.proposal": "Ningún par merece cuidado especial; mejores características (una"
    " red mayor, ajuste fino) ayudan a todos a la vez.",
    "analysis.epochs.more.claim": "Seguía mejorando cuando terminó el entrenamiento.",
    "analysis.epochs.more.evidence": "La pérdida en validación fue mínima en la última de {steps}"
    " épocas ({loss}).",
    "analysis.epochs.more.proposal": "Entrene más épocas y pare cuando la pérdida en validación"
    " lleve varias sin bajar; con características congeladas cuesta poco.",
    "analysis.epochs.stop.claim": "El entrenamiento siguió más allá de su mejor época.",
    "analysis.epochs.stop.evidence": "La pérdida en validación fue mínima en la época {chosen}"
    " ({loss}) y acabó en {last_loss} tras {steps} épocas.",
    "analysis.epochs.stop.proposal": "Pare antes, en la época {chosen}, o baje la tasa de"
    " aprendizaje hacia el final.",
    "analysis.path.single.claim": "Solo se probó una penalización.",
    "analysis.path.single.evidence": "La serie tiene un solo paso, {chosen} (pérdida en validación"
    " {loss}).",
    "analysis.path.single.proposal": "Aumente l2_steps, para que la validación pueda elegir.",
    "analysis.path.inside.claim": "La penalización elegida está dentro de la serie, no en su"
    " extremo.",
    "analysis.path.inside.evidence": "De {steps} penalizaciones de {first} a {last}, {chosen} tuvo"
    " la menor pérdida en validación ({loss}); las más fuertes y las más débiles fueron peores.",
    "analysis.path.inside.proposal": "La serie es bastante amplia; una más fina cambiaría poco.",
    "analysis.path.strong.claim": "Ganó la penalización más fuerte: otra mayor puede ser mejor.",
    "analysis.path.strong.evidence": "De {steps} penalizaciones de {first} a {last}, la primera"
    " tuvo la menor pérdida en validación ({loss}).",
    "analysis.path.strong.proposal": "Multiplique l2_max por diez y ajuste de nuevo.",
    "analysis.path.weak.claim": "Ganó la penalización más débil: otra menor puede ser mejor.",
    "analysis.path.weak.evidence": "De {steps} penalizaciones de {first} a {last}, la última tuvo"
    " la menor pérdida en validación ({loss}).",
    "analysis.path.weak.proposal": "Divida l2_min por diez y ajuste de nuevo.",
    "analysis.honest.claim": "Sus probabilidades son más o menos las que deben ser.",
    "analysis.honest.evidence": "La probabilidad media de sus respuestas es {confidence}; acierta"
    " el {top1} ({interval}).",
    "analysis.honest.proposal": "En promedio se puede creer en las probabilidades; no vale para"
    " fotos de otra cosa que estas clases.",
    "analysis.boastful.claim": "Está más segura de lo que debería.",
    "analysis.boastful.evidence": "La probabilidad media de sus respuestas es {confidence}, pero"
    " acierta el {top1} ({interval}).",
    "analysis.boastful.proposal": "Calibre las probabilidades con las fotos de validación antes de"
    " que nadie se fíe de ellas.",
    "analysis.modest.claim": "Está menos segura de lo que podría.",
    "analysis.modest.evidence": "La probabilidad media de sus respuestas es {confidence}, mientras"
    " que acierta el {top1} ({interval}).",
    "analysis.modest.proposal": "Calibre las probabilidades con las fotos de validación;"
    " respuestas que ahora parecen dudosas resultarían fiables.",
    "analysis.skipped.claim": "No se pudieron leer, y quedaron fuera, {count}.",
    "analysis.skipped.evidence": "Son el {share} de {photos}. Se nombran en la sección 1.",
    "analysis.skipped.proposal": "Repárelas o quítelas, para que las cifras hablen del conjunto"
    " entero.",
}

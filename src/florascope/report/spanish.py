"""The report's sentences in Spanish."""

from typing import Final

from florascope.report.spanish_analysis import SPANISH_ANALYSIS
from florascope.report.spanish_audited import SPANISH_AUDITED

SPANISH: Final[dict[str, str]] = {
    # Small words
    "list.last": "{first} y {last}",
    "points": "{n} puntos",
    "between": "de {low} a {high}",
    "yes": "sí",
    "no": "no",
    "automatic": "automático",
    "photos": "fotos",
    "photos.one": "{n} foto",
    "photos.many": "{n} fotos",
    "classes.one": "{n} clase",
    "classes.many": "{n} clases",
    "errors.one": "{n} error",
    "errors.many": "{n} errores",
    "pairs.one": "{n} par de clases",
    "pairs.many": "{n} pares de clases",
    "times.one": "una vez",
    "times.many": "{n} veces",
    "figure": "Figura",
    "table": "Tabla",
    "class": "clase",
    "subset": "fotos de",
    "subset.train": "entrenamiento",
    "subset.val": "validación",
    "subset.test": "prueba",
    "purpose.train": "ajustan los pesos de la cabeza",
    "purpose.val": "eligen los parámetros",
    "purpose.test": "miden, sin intervenir en ninguna elección",
    "top1": "top-1",
    "top5": "top-5",
    "mean_class": "media por clase",
    "loss": "pérdida",
    "recall": "exhaustividad",
    "precision": "precisión",
    "true": "clase verdadera",
    "predicted": "respuesta",
    "tone.alarm": "actuar",
    "tone.advice": "valorar",
    "tone.sound": "correcto",
    "progress": "Explicando fotos",
    # Page
    "page.title": "{name}: informe de entrenamiento",
    "page.eyebrow": "Informe de entrenamiento",
    "page.lead": "{backbone} con una cabeza lineal que la receta {recipe} ajustó con {train} de"
    " {classes}, medido con {test} que no intervinieron en el ajuste.",
    "page.top1": "Fotos de prueba acertadas",
    "page.interval": "top-1; intervalo del 95 %: {interval}",
    "page.mean_class": "Media por clase",
    "page.mean_class.note": "todas las clases pesan igual",
    "page.loss": "Pérdida en prueba",
    "page.uniform": "nats; responder al azar da {uniform}",
    "page.errors": "Errores",
    "page.errors.note": "de {n} fotos de prueba",
    "page.contents": "Contenido",
    "page.short": "En resumen",
    "page.footer": "Hecho con florascope {version}. Cada frase del análisis se deduce de las"
    " cifras de este entrenamiento; las fotos explicadas se eligen por regla y semilla, no a mano.",
    # Data
    "data.title": "Los datos",
    "data.lead": "{name} contiene {photos} de {classes}. La división «{split}» reparte las que se"
    " pueden leer en tres conjuntos sin solape.",
    "data.split.caption": "Para qué sirve cada conjunto de fotos.",
    "data.share": "parte",
    "data.purpose": "finalidad",
    "data.counts.caption": "Fotos de cada clase, de la más a la menos frecuente, por conjunto.",
    "data.counts.alt": "Gráfico de barras con las fotos de cada clase. La que más tiene: {most},"
    " {most_n}; la que menos: {least}, {least_n}.",
    "data.samples.caption": "Una foto de entrenamiento de cada una de {classes} elegidas al azar"
    " (semilla {seed}), redimensionada y recortada como la ve la red.",
    "data.sample.alt": "Foto de entrenamiento de {name}",
    "data.augmentation": "Aumento de datos",
    "data.views.caption": "Fotos de entrenamiento elegidas al azar (semilla {seed}), con borde, y"
    " las mismas variantes con las que se entrenó la cabeza, época a época.",
    "data.views.none": "La receta {recipe} se ejecutó sin aumento de datos: la red procesó cada"
    " foto una sola vez, tal como es.",
    "data.view.alt": "Variante de {name} en la época {epoch}",
    "data.epoch": "época {epoch}",
    "data.skipped": "Fotos omitidas",
    "data.skipped.none": "Ninguna: se pudieron leer todas.",
    "data.skipped.count": "No se pudieron leer, y quedaron fuera, {count}:",
    "data.skipped.more": "y {count} más",
    # Recipe
    "recipe.title": "La receta",
    "recipe.lead": "Todos los parámetros de la receta {recipe}, incluidos los valores por defecto."
    " La misma receta con la misma semilla y las mismas fotos da las mismas cifras.",
    "recipe.caption": "Parámetros del entrenamiento.",
    "recipe.setting": "parámetro",
    "recipe.value": "valor",
    "recipe.meaning": "qué es",
    "recipe.input": "La entrada de la red",
    "recipe.input.lead": "El único contrato entre la foto y la red. Entrenamiento, evaluación,"
    " explicación y el modelo guardado usan exactamente estos valores.",
    "recipe.input.caption": "De la foto a la entrada: x = (píxel / 255 - media) / desviación.",
    "setting.recipe": "cómo se ajusta la cabeza",
    "setting.backbone": "la red, con el nombre de timm",
    "setting.weights": "qué pesos preentrenados",
    "setting.size": "alto y ancho de la entrada, en píxeles",
    "setting.crop_mode": "squash: deformar a un cuadrado; center: conservar la forma y recortar",
    "setting.mean": "se resta tras escalar a [0, 1]",
    "setting.std": "divisor",
    "setting.learning_rate": "tamaño de paso de Adam",
    "setting.batch_size": "fotos por paso",
    "setting.epochs": "pasadas por las fotos de entrenamiento",
    "setting.augment": "si las fotos de entrenamiento se varían al azar",
    "setting.rotation": "grados, a ambos lados",
    "setting.zoom": "parte de la escala, a ambos lados",
    "setting.translate_x": "parte del ancho, a ambos lados",
    "setting.translate_y": "parte del alto, a ambos lados",
    "setting.flip": "reflejar en horizontal la mitad de las veces",
    "setting.seed": "origen de todo lo que se sortea",
    "setting.ridge": "se suma a la covarianza dentro de las clases, en varianzas medias",
    "setting.l2_max": "penalización más fuerte que se probó",
    "setting.l2_min": "penalización más débil que se probó",
    "setting.l2_steps": "cuántas penalizaciones; eligió la pérdida en validación",
    "setting.max_iterations": "de L-BFGS para cada penalización",
    # Results
    "results.title": "Los resultados",
    "results.lead": "Top-1 es la parte de las fotos cuya clase más probable es la verdadera;"
    " top-5, la parte con la clase verdadera entre las cinco más probables; la media por clase da"
    " a todas el mismo peso; la pérdida es la entropía cruzada media en nats. El intervalo es el"
    " de Wilson, al 95 %.",
    "results.caption": "Este entrenamiento junto a otros resultados y a responder sin mirar.",
    "results.interval": "intervalo del 95 %",
    "results.own": "Este entrenamiento",
    "results.original": "El informe de clase, Oxford 102",
    "results.original.note": "El informe de clase congeló MobileNetV2, entrenó Dense(102, softmax)"
    " durante seis épocas y culpó de sus cifras a la red congelada. Solo son comparables con las"
    " de entrenamientos con Oxford Flowers 102; para otras fotos son un aviso, no una vara de"
    " medir. Su pérdida en prueba supera ln 102 = 4,625: peor que responder al azar.",
    "results.uniform": "Azar uniforme (1/K; pérdida ln K)",
    "results.majority": "Siempre la clase más frecuente",
    "results.chance": "azar",
    "results.ranking.caption": "Top-1 en prueba. Barras: intervalos del 95 %, donde se conoce el"
    " número de fotos. Línea de puntos: lo máximo que se logra sin mirar la foto.",
    "results.ranking.alt": "Top-1 en prueba: {rows}",
    # Curves
    "curves.title": "Curvas de aprendizaje",
    "curves.lead.epoch": "Pérdida y top-1 tras cada pasada por las fotos de entrenamiento. Las"
    " cifras de entrenamiento se toman sobre la marcha, con fotos aumentadas si la receta aumenta;"
    " las de validación, con fotos sin alterar al final de cada época.",
    "curves.lead.l2": "La cabeza se ajusta para una serie de penalizaciones L2, de fuerte"
    " (izquierda) a débil (derecha). Cuanto más débiles, mejor se ajustan las fotos de"
    " entrenamiento; se conserva la de menor pérdida en validación.",
    "curves.caption.epoch": "Pérdida y top-1 por época.",
    "curves.caption.l2": "Pérdida y top-1 por penalización; las dos escalas de la pérdida son"
    " logarítmicas.",
    "curves.loss": "pérdida (nats)",
    "curves.uniform": "azar uniforme, ln K",
    "curves.epoch": "época",
    "curves.l2": "penalización L2, de fuerte a débil",
    "curves.epoch.best": "menor pérdida en validación",
    "curves.l2.best": "penalización elegida",
    "curves.loss.alt": "Pérdida durante el ajuste: entrenamiento, de {train_first} a {train_last};"
    " validación, de {val_first} a {val_last}.",
    "curves.top1.alt": "Top-1 durante el ajuste: entrenamiento, de {train_first} a {train_last};"
    " validación, de {val_first} a {val_last}.",
    # Confusions
    "confusions.title": "Confusiones",
    "confusions.lead": "{errors} en prueba, en {kinds}.",
    "confusions.none": "No se falló ninguna foto de prueba: no hay confusiones que mostrar.",
    "confusions.caption": "Errores más frecuentes en prueba.",
    "confusions.share": "parte de la clase verdadera",
    "confusions.of": "{share} de {n}",
    "confusions.trained": "fotos de entrenamiento de la clase",
    "confusions.taken_for": "se confunde sobre todo con",
    "confusions.matrix.caption": "Fotos de prueba por clase verdadera (filas) y respuesta"
    " (columnas). Cuanto más intenso el color, mayor parte de la fila.",
    "confusions.matrix.alt": "Matriz de confusión: {right} de {n} fotos de prueba en la diagonal",
    "confusions.recall.caption": "Exhaustividad de cada clase en prueba según sus fotos de"
    " entrenamiento. Los puntos crecen con las fotos de prueba; se nombran las más bajas.",
    "confusions.recall.alt": "Diagrama de dispersión de la exhaustividad según las fotos de"
    " entrenamiento de {classes} clases",
    "confusions.every": "Todas las cifras de {classes}, de menor a mayor exhaustividad",
    "confusions.every.caption": "Todas las clases en prueba. Exhaustividad: parte de sus fotos que"
    " se reconocen. Precisión: parte de las respuestas con su nombre que aciertan.",
    # Explanations
    "explained.title": "Por qué respondió así",
    "explained.lead": "Hasta tres aciertos y tres errores en prueba, elegidos por regla: el"
    " acierto menos seguro, el error más seguro y dos de cada tipo al azar (semilla {seed})."
    " Ninguno se escogió a mano. Un mapa de calor muestra dónde está la evidencia, no si la"
    " respuesta es correcta: los errores también tienen mapas convincentes.",
    "explained.methods.linear": "Dos métodos examinan cada foto. El mapa nítido muestra lo que cada"
    " lugar del mapa de la red, mirado a tres tamaños, aporta al logit, repartido entre los píxeles"
    " que lo produjeron; su suma más el sesgo es el logit. Los gradientes integrados reparten entre"
    " los píxeles lo que el logit sube sobre una imagen de referencia; se muestran algo suavizados,"
    " lo que no cambia su suma.",
    "explained.methods.other": "Dos métodos examinan cada foto. Grad-CAM pondera el último mapa de"
    " características con el gradiente de la clase; la cabeza de esta red no es lineal tras la"
    " agregación, así que su suma no promete nada. Los gradientes integrados reparten entre los"
    " píxeles lo que el logit sube sobre una imagen de referencia; se muestran algo suavizados, lo"
    " que no cambia su suma.",
    "explained.right": "acierto",
    "explained.wrong": "error",
    "explained.taken": "{true}, confundida con {predicted}",
    "explained.seen": "lo que vio la red",
    "explained.candidates": "Las clases más probables",
    "explained.probability": "probabilidad",
    "explained.both": "clase verdadera y respuesta",
    "explained.why": "¿Por qué {name}?",
    "explained.contrast": "¿Por qué {predicted} y no {true}?",
    "explained.contrast.title": "{method}, diferencia",
    "explained.total": "suma {total}, logit {logit}",
    "explained.gap": "error de completitud {gap}",
    "explained.scale": "color pleno con {scale} logits por cada 1 % de la imagen",
    "explained.legend": "en contra y a favor de la clase. Cada mapa tiene su propia escala,"
    " indicada debajo.",
    "explained.photo.alt": "Foto de prueba {photo} de {name}, como la vio la red",
    "explained.heat.alt": "Mapa de calor, {title}. {question}",
    "explained.overlay.alt": "La foto bajo el mapa de calor, {title}. {question}",
    "explained.legend.alt": "Escala de color, de evidencia en contra a evidencia a favor",
    "method.cam": "Mapa de activación de clase",
    "method.sharp": "Mapa nítido",
    "method.gradcam": "Grad-CAM",
    "method.ig": "Gradientes integrados",
    "reason.random_right": "un acierto elegido al azar",
    "reason.unsure_right": "el acierto menos seguro",
    "reason.random_error": "un error elegido al azar",
    "reason.confident_error": "el error más seguro",
    # Pair
    "pair.title": "El par más confundido",
    "pair.lead": "{true} se confundió con {predicted} {times} en prueba, y ningún otro error es"
    " más frecuente. Juzgue usted qué las distingue.",
    "pair.of": "{name}: fotos de entrenamiento",
    "pair.mistaken": "{true}, respuesta: {predicted}",
    "pair.note": "Fotos de entrenamiento: las de cada clase cuyas características están más cerca"
    " de la primera foto fallada (coseno). Fotos falladas: primero el error más seguro."
    " Bajo cada foto, su evidencia: a favor de su clase en las de entrenamiento; a favor de la"
    " respuesta y no de la clase verdadera en las confundidas. El naranja habla a favor, el azul en"
    " contra; cada foto tiene su propia escala.",
    "pair.heat.alt": "La foto bajo su mapa de calor: por qué {name}",
    "pair.contrast.alt": "La foto bajo su mapa de calor: por qué {predicted} y no {true}",
    "pair.mistaken.alt": "Foto de prueba de {true} a la que se respondió {predicted}",
    "pair.training.alt": "Foto de entrenamiento de {name}",
    # Doctor
    "doctor.title": "Lo que encontró el doctor",
    "doctor.lead": "Antes y después de entrenar, el doctor busca lo que falla sin mensaje de error:"
    " datos, división, entrada, pesos, bucle. Primero la causa más probable (en inglés).",
    # Analysis
    "analysis.title": "Análisis y propuestas",
    "analysis.lead": "Cada conclusión se calcula con las cifras de este entrenamiento; otras"
    " cifras dan otras conclusiones. Al comparar dos porcentajes decide su error de muestreo.",
    "analysis.proposal": "Propuesta",
    **SPANISH_ANALYSIS,
    **SPANISH_AUDITED,
}

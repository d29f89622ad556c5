"""One photo through ONNX Runtime with nothing around it: what any program must spend.

python bare_identify.py MODEL.onnx PHOTO
"""

import sys

import numpy as np
import onnxruntime as ort
from PIL import Image

image = Image.open(sys.argv[2]).convert("RGB").resize((224, 224))
batch = (np.asarray(image, np.float32).transpose(2, 0, 1)[None] / 255 - 0.45) / 0.225
session = ort.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
size = session.get_inputs()[0].shape[-1]
if size != 224:
    batch = np.zeros((1, 3, size, size), np.float32)
print(session.run(["logits", "cam"], {"image": batch})[0].argmax())

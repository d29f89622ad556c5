// Evidence over a photo: orange for, blue against, nothing where there is nothing.

const FOR = [219, 105, 5];
const AGAINST = [26, 107, 204];

// The map of a class, or of a class less another one.
export function evidence(maps, classId, against) {
  const own = maps.values[classId];
  const other = maps.values[against];
  return other ? own.map((value, place) => value - other[place]) : own;
}

// The logit of a class (or by how much it exceeds another's), and what of it no place says.
export function account(maps, classId, against) {
  const other = against in maps.bias ? maps.bias[against] : 0;
  const bias = maps.bias[classId] - other;
  return { whole: evidence(maps, classId, against).reduce((sum, value) => sum + value, bias), bias };
}

// The evidence of a place at full colour: the strongest of all classes that are shown.
export function sharedScale(maps) {
  return Math.max(...Object.values(maps.values).flat().map(Math.abs)) || 1;
}

// Paint a photo (an image of size x size pixels) with the evidence over it.
export function paint(canvas, photo, size, map, scale, opacity) {
  canvas.width = canvas.height = size;
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  pen.drawImage(photo, 0, 0, size, size);
  if (!map || opacity === 0) return;
  const picture = pen.getImageData(0, 0, size, size);
  const pixels = picture.data;
  const fine = spread(map.values, map.rows, map.columns, size);
  for (let place = 0; place < size * size; place++) {
    const strength = Math.min(Math.abs(fine[place]) / scale, 1) * opacity;
    const colour = fine[place] >= 0 ? FOR : AGAINST;
    const at = 4 * place;
    const grey = 0.2126 * pixels[at] + 0.7152 * pixels[at + 1] + 0.0722 * pixels[at + 2];
    for (let c = 0; c < 3; c++) {
      const ground = pixels[at + c] * (1 - opacity) + grey * opacity;
      pixels[at + c] = ground * (1 - strength) + colour[c] * strength;
    }
  }
  pen.putImageData(picture, 0, 0);
}

// Bilinear, with half-pixel centres; beyond the outermost centres the border goes on.
export function spread(values, rows, columns, size) {
  const fine = new Float32Array(size * size);
  const [tops, leftward] = [weights(rows, size), weights(columns, size)];
  for (let y = 0; y < size; y++) {
    const [top, bottom, down] = tops[y];
    for (let x = 0; x < size; x++) {
      const [left, right, along] = leftward[x];
      const above = values[top * columns + left] * (1 - along) + values[top * columns + right] * along;
      const below = values[bottom * columns + left] * (1 - along) + values[bottom * columns + right] * along;
      fine[y * size + x] = above * (1 - down) + below * down;
    }
  }
  return fine;
}

function weights(count, size) {
  return Array.from({ length: size }, (_, pixel) => {
    const at = Math.min(Math.max(((pixel + 0.5) * count) / size - 0.5, 0), count - 1);
    const low = Math.floor(at);
    return [low, Math.min(low + 1, count - 1), at - low];
  });
}

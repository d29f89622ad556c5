// Evidence over a photo, whose colours stay its own: places that speak for a class stay bright and
// are ringed in white, the rest darkens; places against it are ringed in blue.

const RINGS = [0.25, 0.5, 0.75]; // of full evidence
const DARKEST = 0.7; // of the light that places without evidence lose
const WHITE = [255, 255, 255];
const BLUE = [70, 160, 255];
const BLACK = [0, 0, 0];

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

// The evidence of a place at full light: the strongest of all classes that are shown.
export function sharedScale(maps) {
  return Math.max(...Object.values(maps.values).flat().map(Math.abs)) || 1;
}

// Paint a photo (an image of size x size pixels), with the evidence over it where a map is given.
export function paint(canvas, photo, size, map, scale, opacity) {
  canvas.width = canvas.height = size;
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  pen.drawImage(photo, 0, 0, size, size);
  if (!map || opacity === 0) return;
  const picture = pen.getImageData(0, 0, size, size);
  const fine = spread(map.values, map.rows, map.columns, size).map((value) => value / scale);
  darken(picture.data, fine, opacity);
  ring(picture.data, fine, size, opacity);
  pen.putImageData(picture, 0, 0);
}

function darken(pixels, fine, opacity) {
  fine.forEach((value, place) => {
    const light = 1 - opacity * DARKEST * (1 - Math.min(Math.max(value, 0), 1));
    for (let c = 0; c < 3; c++) pixels[4 * place + c] *= light;
  });
}

// Lines where the evidence passes a ring, each with a dark edge, so that it shows on any ground.
function ring(pixels, fine, size, opacity) {
  const bands = fine.map((value) => Math.sign(value) * RINGS.filter((least) => Math.abs(value) >= least).length);
  const drawn = [];
  for (let y = 0; y < size - 1; y++) {
    for (let x = 0; x < size - 1; x++) {
      const place = y * size + x;
      const near = [bands[place], bands[place + 1], bands[place + size]];
      if (near.some((band) => band !== near[0])) drawn.push([place, near.some((band) => band < 0) ? BLUE : WHITE]);
    }
  }
  for (const [place] of drawn) mix(pixels, place + size + 1, BLACK, opacity);
  for (const [place, colour] of drawn) mix(pixels, place, colour, opacity);
}

function mix(pixels, place, colour, share) {
  for (let c = 0; c < 3; c++) {
    const at = 4 * place + c;
    pixels[at] = pixels[at] * (1 - share) + colour[c] * share;
  }
}

// Where the evidence for a class lies: the two ninths of the picture that hold the most of it, as
// {row, column (0 to 2), share} of all that speaks for it; none where nothing does.
export function whereabouts({ values, rows, columns }) {
  const ninths = Array.from({ length: 9 }, (_, k) => ({ row: Math.floor(k / 3), column: k % 3, share: 0 }));
  const total = values.reduce((sum, value) => sum + Math.max(value, 0), 0);
  if (total === 0) return [];
  values.forEach((value, place) => {
    const row = Math.floor((3 * (Math.floor(place / columns) + 0.5)) / rows);
    const column = Math.floor((3 * ((place % columns) + 0.5)) / columns);
    ninths[3 * row + column].share += Math.max(value, 0) / total;
  });
  return ninths.toSorted((a, b) => b.share - a.share).slice(0, 2);
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

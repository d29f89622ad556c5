// A network with another head: an ONNX file rewritten field by field, without a library.
// The fields' numbers are those of onnx.proto, as in florascope.bundle.onnx_message.

const VARINT = 0;
const BYTES = 2;
const WIDTHS = { 1: 8, 5: 4 }; // of numbers of fixed width
const FLOAT = 1;
const INT64 = 7;
const INT = 2; // of an attribute
const KNOWN = "known.similarities";
const OUTPUTS = ["logits", "cam", "similarities", "ratios"];
const TURNED = { transB: 1 };
const RATIO = [
  ["Gemm", ["taught.direction", "taught.ratio.axes", "taught.ratio.shift"], ["taught.ratio.place"], TURNED],
  ["Mul", ["taught.ratio.place", "taught.ratio.place"], ["taught.ratio.squared"], {}],
  ["Gemm", ["taught.ratio.squared", "taught.ratio.square", "taught.ratio.constant"], ["taught.ratio.curved"], TURNED],
  ["Gemm", ["taught.ratio.place", "taught.ratio.linear", "taught.ratio.curved"], ["ratios"], TURNED],
]; // as in florascope.nets.onnx_graph
const text = (bytes) => new TextDecoder().decode(bytes);

// head: {weight, bias, means} as Float32Arrays of (K, c), (K,) and (K, c), and `ratio` as in
// likelihood-ratio.js or null; places: of the map, 0 for a network whose map does not say what its
// logits are made of.
export function withHead(network, head, places) {
  const model = fields(network);
  const graph = fields(bytesOf(model, 7));
  const nodes = numbered(graph, 1).map(({ value }) => node(value));
  const maps = places > 0 ? nodes.find(({ outputs }) => outputs.includes("cam")).inputs[0] : null;
  const known = nodes.some(({ outputs }) => outputs.includes("similarities"));
  const kept = needed(nodes, new Set(["features", ...(maps ? [maps] : []), ...(known ? ["similarities"] : [])]));
  const used = new Set(kept.flatMap(({ inputs }) => inputs));
  const own = tail(head, { maps, places, known });
  const rewritten = [
    ...kept.map(({ value }) => field(1, moved(value))),
    ...own.nodes.map((value) => field(1, value)),
    ...numbered(graph, 2).map(whole),
    ...numbered(graph, 5).filter(({ value }) => used.has(text(bytesOf(fields(value), 8)))).map(whole),
    ...own.tensors.map((value) => field(5, value)),
    ...numbered(graph, 11).map(whole),
    ...outputs(graph, head.bias.length, { cam: Boolean(maps), ratios: Boolean(head.ratio) }).map((value) => field(12, value)),
  ];
  const rest = model.filter(({ number }) => number !== 7 && number !== 14); // 14: notes on the old head
  return joined([...rest.map(whole), field(7, joined(rewritten))]);
}

// Whether the network's class maps are a product of its feature map with weights.
export function mapsByWeights(network) {
  const graph = fields(bytesOf(fields(network), 7));
  const cam = numbered(graph, 1).map(({ value }) => node(value)).find(({ outputs }) => outputs.includes("cam"));
  return cam?.operator === "Conv";
}

function node(value) {
  const found = fields(value);
  const names = (number) => numbered(found, number).map((one) => text(one.value));
  return { value, inputs: names(1), outputs: names(2), operator: text(bytesOf(found, 4)) };
}

// What the network knew before keeps its similarities, under another name.
function moved(value) {
  const own = (one) => one.number === 2 && text(one.value) === "similarities";
  return joined(fields(value).map((one) => (own(one) ? field(2, encoded(KNOWN)) : one.whole)));
}

// The nodes that some values need, in their order.
function needed(nodes, wanted) {
  const kept = [];
  for (const one of nodes.toReversed()) {
    if (!one.outputs.some((name) => wanted.has(name))) continue;
    one.inputs.forEach((name) => wanted.add(name));
    kept.unshift(one);
  }
  return kept;
}

// logits = W f + b; similarities to the class means, less the largest to what was known before; each
// place's share of the logits; ratios to a class never shown.
function tail({ weight, bias, means, ratio }, { maps, places, known }) {
  const classes = bias.length;
  const width = weight.length / classes;
  const alike = known ? "taught.cosines" : "similarities";
  const nodes = [
    operation("Gemm", ["features", "taught.weight", "taught.bias"], ["logits"], TURNED),
    operation("LpNormalization", ["features"], ["taught.direction"], { axis: 1, p: 2 }),
    operation("Gemm", ["taught.direction", "taught.means"], [alike], TURNED),
  ];
  const tensors = [
    tensor("taught.weight", [classes, width], weight),
    tensor("taught.bias", [classes], bias),
    tensor("taught.means", [classes, width], means),
  ];
  if (known) {
    nodes.push(operation("TopK", [KNOWN, "taught.one"], ["taught.largest", "taught.place"], {}));
    nodes.push(operation("Sub", [alike, "taught.largest"], ["similarities"], {}));
    tensors.push(joined([number(1, 1), number(2, INT64), field(8, encoded("taught.one")), number(7, 1)]));
  }
  if (maps) {
    nodes.push(operation("Conv", [maps, "taught.cam"], ["cam"], {}));
    tensors.push(tensor("taught.cam", [classes, width, 1, 1], weight.map((value) => value / places)));
  }
  if (ratio) {
    nodes.push(...RATIO.map((step) => operation(...step)));
    tensors.push(...ratioTensors(ratio, classes));
  }
  return { nodes, tensors };
}

function ratioTensors(ratio, classes) {
  const axes = ratio.shift.length;
  const sides = { axes: [axes, ratio.axes.length / axes], shift: [axes], square: [classes, axes], linear: [classes, axes], constant: [classes] };
  return Object.entries(sides).map(([name, own]) => tensor(`taught.ratio.${name}`, own, ratio[name]));
}

// The graph's outputs with their new number of classes.
function outputs(graph, classes, there) {
  const found = numbered(graph, 12).map(({ value }) => ({ value, name: text(bytesOf(fields(value), 1)) }));
  const old = (name) => found.find((one) => one.name === name)?.value;
  const wanted = OUTPUTS.filter((name) => there[name] ?? true);
  const flat = (name) => renamed(old(name) ?? old("logits"), name);
  return [...wanted.map((name) => counted(flat(name), classes)), old("features")];
}

function renamed(value, name) {
  return joined(fields(value).map((one) => (one.number === 1 ? field(1, encoded(name)) : whole(one))));
}

// ValueInfoProto.type(2).tensor_type(1).shape(2).dim(1)[1] becomes {dim_value(1): classes}.
function counted(value, classes) {
  let place = 0;
  const side = (one) => (one.number === 1 && place++ === 1 ? field(1, number(1, classes)) : whole(one));
  const within = (path, data) => {
    if (path.length === 0) return joined(fields(data).map(side));
    const [first, ...rest] = path;
    return joined(fields(data).map((one) => (one.number === first ? field(first, within(rest, one.value)) : whole(one))));
  };
  return within([2, 1, 2], value);
}

function operation(operator, inputs, outputs, attributes) {
  const listed = Object.entries(attributes).map(([name, value]) =>
    field(5, joined([field(1, encoded(name)), number(3, value), number(20, INT)])),
  );
  return joined([
    ...inputs.map((name) => field(1, encoded(name))),
    ...outputs.map((name) => field(2, encoded(name))),
    field(3, encoded(`taught.${outputs[0]}`)),
    field(4, encoded(operator)),
    ...listed,
  ]);
}

function tensor(name, sides, values) {
  const raw = new DataView(new ArrayBuffer(4 * values.length));
  values.forEach((value, k) => raw.setFloat32(4 * k, value, true));
  return joined([
    ...sides.map((side) => number(1, side)),
    number(2, FLOAT),
    field(8, encoded(name)),
    field(9, new Uint8Array(raw.buffer)),
  ]);
}

// A message's fields in order: {number, value, whole}, whole with its tag; numbers keep their bytes.
export function fields(message) {
  const found = [];
  for (let at = 0; at < message.length; ) {
    const [tag, from] = varint(message, at);
    const [start, end] = span(message, from, tag & 7);
    found.push({ number: tag >>> 3, value: message.subarray(start, end), whole: message.subarray(at, end) });
    at = end;
  }
  return found;
}

function span(message, from, wire) {
  if (wire === VARINT) return [from, varint(message, from)[1]];
  const [width, start] = wire === BYTES ? varint(message, from) : [WIDTHS[wire], from];
  if (!(start + width <= message.length)) throw new Error("the network is cut short");
  return [start, start + width];
}

// Tags and widths stay below 2^31; larger numbers are stepped over, not read.
function varint(message, at) {
  let value = 0;
  for (let shift = 0; at < message.length; shift += 7) {
    const byte = message[at++];
    value += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) return [value, at];
  }
  throw new Error("the network is cut short");
}

const whole = (one) => one.whole;
const numbered = (found, wanted) => found.filter(({ number: own }) => own === wanted);
const bytesOf = (found, wanted) => numbered(found, wanted)[0]?.value ?? new Uint8Array();
const encoded = (name) => new TextEncoder().encode(name);
const field = (own, value) => joined([coded(own * 8 + BYTES), coded(value.length), value]);
const number = (own, value) => joined([coded(own * 8 + VARINT), coded(value)]);

function coded(value) {
  const bytes = [];
  for (; value >= 0x80; value = Math.floor(value / 0x80)) bytes.push((value % 0x80) | 0x80);
  return Uint8Array.from([...bytes, value]);
}

export function joined(parts) {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

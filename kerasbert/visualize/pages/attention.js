const { tokens, segments, special, layers, heads } = data;
const size = tokens.length;
const MEAN = heads; // the column after the last head
const probs = decode(data.probs);
const state = { layer: 0, head: 0, hover: -1, held: -1, direction: "from", view: "lines" };

// 16-bit integers, 65535 for 1, in base64.
function decode(text) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const numbers = new DataView(bytes.buffer);
  const area = size * size;
  const maps = [];
  for (let layer = 0; layer < layers; layer++) {
    const mean = new Float32Array(area);
    maps.push([]);
    for (let head = 0; head < heads; head++) {
      const start = (layer * heads + head) * area;
      const map = new Float32Array(area);
      for (let i = 0; i < area; i++) {
        map[i] = numbers.getUint16(2 * (start + i), true) / 65535;
        mean[i] += map[i] / heads;
      }
      maps[layer].push(map);
    }
    maps[layer].push(mean);
  }
  return maps;
}

const current = () => probs[state.layer][state.head];
const active = () => (state.hover >= 0 ? state.hover : state.held);
const strength = (p) => Math.pow(p, 0.6);

// How much the active token has to do with another one.
function share(other) {
  const token = active();
  const at = state.direction === "from" ? token * size + other : other * size + token;
  return current()[at];
}

// === Text ===

const chips = tokens.map((token, index) => {
  const kind = ["token", segments[index] ? "second" : "", special[index] ? "special" : ""];
  const chip = make("button", { type: "button", class: kind.join(" ").trim() }, token);
  chip.addEventListener("mouseenter", () => point(index));
  chip.addEventListener("focus", () => point(index));
  chip.addEventListener("mouseleave", () => point(-1));
  chip.addEventListener("blur", () => point(-1));
  chip.addEventListener("click", () => hold(index));
  find("sentence").append(chip);
  return chip;
});

function point(index) {
  state.hover = index;
  drawPointed();
}

function hold(index) {
  state.held = state.held === index ? -1 : index;
  drawPointed();
}

// Text stays readable on whatever the colour behind it is.
function mark(node, p) {
  node.classList.toggle("seen", strength(p) > 0.3);
  node.classList.toggle("strong", strength(p) > 0.75);
}

function drawText() {
  const token = active();
  chips.forEach((chip, index) => {
    const p = token < 0 ? 0 : share(index);
    chip.style.setProperty("--p", (0.95 * strength(p)).toFixed(3));
    mark(chip, p);
    chip.classList.toggle("active", index === token);
    chip.title = token < 0 ? "" : percent(p);
  });
}

// === Overview ===

const thumbnails = [];

function buildOverview() {
  const box = find("overview");
  const cell = Math.max(14, Math.min(44, Math.floor(Math.min(400, innerWidth - 160) / (heads + 1))));
  box.style.gridTemplateColumns = `20px repeat(${heads}, ${cell + 2}px) ${cell + 8}px`;
  box.append(make("span"));
  for (let head = 0; head < heads; head++) box.append(make("span", { class: "label" }, String(head + 1)));
  box.append(make("span", { class: "label mean" }, "mean"));
  for (let layer = 0; layer < layers; layer++) {
    box.append(make("span", { class: "label" }, String(layer + 1)));
    for (let head = 0; head <= heads; head++) {
      const button = make("button", { type: "button", "aria-label": nameOf(layer, head) });
      button.title = nameOf(layer, head);
      if (head === MEAN) button.className = "mean";
      const canvas = make("canvas");
      button.append(canvas);
      button.addEventListener("click", () => select(layer, head));
      box.append(button);
      thumbnails.push({ button, canvas, layer, head, cell });
    }
  }
  box.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
    if (!step) return;
    event.preventDefault();
    const layer = Math.max(0, Math.min(layers - 1, state.layer + step[0]));
    const head = Math.max(0, Math.min(MEAN, state.head + step[1]));
    select(layer, head);
    thumbnails.find((t) => t.layer === layer && t.head === head).button.focus();
  });
}

function nameOf(layer, head) {
  return `Layer ${layer + 1}, ` + (head === MEAN ? "mean of all heads" : `head ${head + 1}`);
}

// A map as a picture, a pixel a pair of tokens.
function picture(map) {
  const image = new ImageData(size, size);
  const [red, green, blue] = colour("--accent").split(",").map(Number);
  for (let i = 0; i < size * size; i++) {
    image.data.set([red, green, blue, 255 * strength(map[i])], 4 * i);
  }
  const canvas = make("canvas", { width: size, height: size });
  canvas.getContext("2d").putImageData(image, 0, 0);
  return canvas;
}

function drawOverview() {
  for (const { canvas, layer, head, cell } of thumbnails) {
    const context = canvasOf(canvas, cell, cell);
    context.imageSmoothingEnabled = size > cell;
    context.drawImage(picture(probs[layer][head]), 0, 0, cell, cell);
  }
}

// === One head ===

const ROW = 24;
const shapes = { paths: [], boxes: [], texts: [], shares: [] };

function buildLines() {
  const svg = find("lines");
  svg.replaceChildren();
  const width = Math.max(320, find("lines-box").clientWidth || 640);
  const letters = Math.max(...tokens.map((token) => [...token].reduce((n, c) => n + (c > "\u2e80" ? 2 : 1), 0)));
  const column = Math.min(0.36 * width, 8 * letters + 20);
  const share = 46;
  const from = Math.max(share + column, 0.2 * width);
  const to = Math.min(width - share - column, 0.8 * width);
  const height = size * ROW + 8;
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.style.height = height + "px";
  const y = (index) => 4 + ROW * (index + 0.5);
  const layersOf = [make("g"), make("g"), make("g")];
  svg.append(...layersOf);
  Object.assign(shapes, { paths: [], boxes: [], texts: [], shares: [] });
  for (const side of [0, 1]) {
    tokens.forEach((token, index) => {
      const x = side ? to + 8 : from - 8;
      const box = make("rect", {
        x: side ? to + 2 : from - 2 - column, y: y(index) - ROW / 2 + 1.5,
        width: column, height: ROW - 3, rx: 5, "fill-opacity": 0,
      });
      const text = make("text", { x, y: y(index), "text-anchor": side ? "start" : "end" }, token);
      text.classList.toggle("special", Boolean(special[index]));
      const label = make("text", {
        x: side ? to + column + 8 : from - column - 8, y: y(index),
        "text-anchor": side ? "start" : "end", class: "share",
      });
      for (const node of [box, text]) {
        node.addEventListener("mouseenter", () => {
          setDirection(side ? "to" : "from");
          point(index);
        });
        node.addEventListener("mouseleave", () => point(-1));
        node.addEventListener("click", () => hold(index));
      }
      layersOf[0].append(box);
      layersOf[2].append(text, label);
      shapes.boxes.push(box);
      shapes.texts.push(text);
      shapes.shares.push(label);
    });
  }
  const map = current();
  const middle = (from + to) / 2;
  for (let i = 0; i < size; i++) {
    for (let j = 0; j < size; j++) {
      const p = map[i * size + j];
      if (p < 0.01) continue;
      const path = make("path", {
        d: `M${from + 3},${y(i)}C${middle},${y(i)} ${middle},${y(j)} ${to - 3},${y(j)}`,
      });
      shapes.paths.push({ path, i, j, p });
      layersOf[1].append(path);
    }
  }
}

function drawLines() {
  const token = active();
  const looks = state.direction === "from";
  for (const { path, i, j, p } of shapes.paths) {
    const touched = token < 0 || (looks ? i : j) === token;
    path.style.strokeOpacity = touched ? Math.max(0.06, strength(p)) : 0.03 * strength(p);
    path.style.strokeWidth = token >= 0 && touched ? 1 + 3 * p : 1.8;
  }
  shapes.boxes.forEach((box, index) => {
    const other = index % size;
    const isSource = (index < size) === looks;
    const p = token < 0 ? 0 : isSource ? (other === token ? 1 : 0) : share(other);
    box.setAttribute("fill-opacity", (isSource ? 0.28 * p : 0.9 * strength(p)).toFixed(3));
    mark(shapes.texts[index], isSource ? 0 : p);
    const told = token >= 0 && !isSource && p >= 0.005;
    shapes.shares[index].textContent = told ? percent(p) : "";
  });
}

function drawMatrix() {
  const canvas = find("matrix");
  const room = Math.max(320, find("matrix-box").clientWidth || 640);
  const context = canvasOf(canvas, 1, 1);
  context.font = "12.5px system-ui, sans-serif";
  const label = Math.min(130, Math.max(...tokens.map((t) => context.measureText(t).width)) + 10);
  const cell = Math.max(3, Math.min(34, Math.floor((room - label - 4) / size)));
  const named = cell >= 11;
  const start = named ? label : 4;
  const side = start + size * cell + 2;
  const pen = canvasOf(canvas, side, side);
  pen.imageSmoothingEnabled = false;
  pen.drawImage(picture(current()), start, start, size * cell, size * cell);
  pen.strokeStyle = colour("--line");
  pen.strokeRect(start - 0.5, start - 0.5, size * cell + 1, size * cell + 1);
  const token = active();
  if (token >= 0) {
    pen.strokeStyle = `rgb(${colour("--accent")})`;
    pen.lineWidth = 1.5;
    if (state.direction === "from") pen.strokeRect(start, start + token * cell, size * cell, cell);
    else pen.strokeRect(start + token * cell, start, cell, size * cell);
  }
  Object.assign(canvas, { start, cell });
  if (!named) return;
  pen.font = `${Math.min(12.5, cell)}px system-ui, "Noto Sans CJK SC", "WenQuanYi Zen Hei", sans-serif`;
  pen.textBaseline = "middle";
  tokens.forEach((text, index) => {
    pen.fillStyle = colour(special[index] ? "--muted" : "--ink");
    const middle = start + (index + 0.5) * cell;
    pen.textAlign = "right";
    pen.fillText(text, start - 6, middle, label - 8);
    pen.save();
    pen.translate(middle, start - 6);
    pen.rotate(-Math.PI / 2);
    pen.textAlign = "left";
    pen.fillText(text, 0, 0, label - 8);
    pen.restore();
  });
}

function cellOf(event) {
  const { start, cell } = event.target;
  const box = event.target.getBoundingClientRect();
  const row = Math.floor((event.clientY - box.top - start) / cell);
  const column = Math.floor((event.clientX - box.left - start) / cell);
  const inside = [row, column].every((n) => n >= 0 && n < size);
  return inside ? [row, column] : null;
}

find("matrix").addEventListener("mousemove", (event) => {
  const place = cellOf(event);
  if (!place) return leaveMatrix();
  const [row, column] = place;
  showTip(event, `${tokens[row]} \u2192 ${tokens[column]}   ${percent(current()[row * size + column])}`);
  if (state.hover !== row) {
    setDirection("from");
    point(row);
  }
});
find("matrix").addEventListener("mouseleave", leaveMatrix);
function leaveMatrix() {
  hideTip();
  if (state.hover >= 0) point(-1);
}

function drawFacts() {
  const map = current();
  const sums = { self: 0, before: 0, after: 0, special: 0 };
  let spread = 0;
  for (let i = 0; i < size; i++) {
    let entropy = 0;
    for (let j = 0; j < size; j++) {
      const p = map[i * size + j];
      if (p > 0) entropy -= p * Math.log(p);
      if (special[j]) sums.special += p;
      if (j === i) sums.self += p;
      if (j === i - 1) sums.before += p;
      if (j === i + 1) sums.after += p;
    }
    spread += Math.exp(entropy) / size;
  }
  const facts = [
    ["to the token itself", sums.self / size],
    ["to the one before", sums.before / size],
    ["to the one after", sums.after / size],
    ["to special tokens", sums.special / size],
  ].map(([name, p]) => [name, percent(p), p]);
  facts.push(["tokens looked at", spread.toFixed(1), spread / size]);
  find("facts").replaceChildren(
    ...facts.map(([name, value, p]) => {
      const fact = make("div", { class: "fact" });
      fact.style.setProperty("--p", Math.min(1, p).toFixed(3));
      fact.append(make("b", {}, value), make("span", {}, name));
      return fact;
    }),
  );
}

function drawPointed() {
  drawText();
  if (state.view === "lines") drawLines();
  else drawMatrix();
}

function drawHead() {
  find("head-name").textContent = nameOf(state.layer, state.head);
  for (const { button, layer, head } of thumbnails) {
    button.setAttribute("aria-pressed", layer === state.layer && head === state.head);
  }
  drawFacts();
  if (state.view === "lines") buildLines();
  drawPointed();
}

function select(layer, head) {
  Object.assign(state, { layer, head });
  drawHead();
}

function setDirection(direction) {
  state.direction = direction;
  for (const button of find("direction").querySelectorAll("button")) {
    button.setAttribute("aria-pressed", button.value === direction);
  }
}

function setView(view) {
  state.view = view;
  find("lines-box").hidden = view !== "lines";
  find("matrix-box").hidden = view !== "matrix";
  drawHead();
}

choose("direction", (direction) => {
  setDirection(direction);
  drawPointed();
});
choose("view", setView);
find("meta").textContent = `${data.model} \u00b7 ${layers} layers of ${heads} heads \u00b7 ${size} tokens`;
buildOverview();
redrawing.push(() => {
  drawOverview();
  drawHead();
});
window.addEventListener("resize", drawHead);

// #layer=2&head=5&token=3 opens the page there.
const asked = new URLSearchParams(location.hash.slice(1));
const number = (name, most) => Math.max(1, Math.min(most, Number(asked.get(name)) || 1)) - 1;
Object.assign(state, { layer: number("layer", layers), head: number("head", heads + 1) });
if (asked.has("token")) state.held = number("token", size);
start();

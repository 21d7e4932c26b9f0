const { points, groups, names, texts } = data;
const hidden = new Set();
const canvas = find("space");
const REST = { turn: -0.6, tilt: 0.42, zoom: 1, x: 0, y: 0 };
const view = { ...REST, flat: false, hover: -1, wanted: "" };
let pen, width, height, placed = [];

// Colours that stay apart, also for those who see red and green alike, come first.
const PALETTE = ["#4f6bed", "#e8833a", "#1aa179", "#d6457f", "#8e5bd6", "#2aa7c9", "#b98a12", "#7a8798", "#c0392b", "#5f8f2f"];
const paint = (group) =>
  group < PALETTE.length ? PALETTE[group] : `hsl(${(group * 137.5) % 360} 55% 55%)`;

function place([x, y, z]) {
  const unit = 0.43 * Math.min(width, height) * view.zoom;
  if (view.flat) return { x: width / 2 + view.x + unit * x, y: height / 2 + view.y - unit * y, near: 0 };
  const [c, s] = [Math.cos(view.turn), Math.sin(view.turn)];
  const [ct, st] = [Math.cos(view.tilt), Math.sin(view.tilt)];
  const side = c * x + s * z;
  const depth = c * z - s * x;
  const up = ct * y - st * depth;
  const near = st * y + ct * depth;
  const scale = unit * 3.2 / (3.2 - near);
  return { x: width / 2 + view.x + scale * side, y: height / 2 + view.y - scale * up, near };
}

function line(from, to) {
  const [a, b] = [place(from), place(to)];
  pen.beginPath();
  pen.moveTo(a.x, a.y);
  pen.lineTo(b.x, b.y);
  pen.stroke();
}

function drawAxes() {
  pen.strokeStyle = colour("--line");
  pen.fillStyle = colour("--muted");
  pen.lineWidth = 1;
  pen.font = "11px system-ui, sans-serif";
  const axes = [[1, 0, 0], [0, 1, 0], [0, 0, 1]].slice(0, view.flat ? 2 : 3);
  axes.forEach((axis, index) => {
    line(axis.map((x) => -x), axis);
    const end = place(axis.map((x) => 1.06 * x));
    pen.fillText(String(index + 1), end.x - 3, end.y + 4);
  });
}

function draw() {
  pen.clearRect(0, 0, width, height);
  drawAxes();
  placed = points.map(place);
  const order = placed.map((_, index) => index).filter((index) => !hidden.has(groups[index]));
  order.sort((a, b) => placed[a].near - placed[b].near);
  const size = Math.max(2.2, Math.min(6.5, 60 / Math.sqrt(points.length + 40)));
  const card = colour("--card");
  for (const index of order) {
    const { x, y, near } = placed[index];
    const found = !view.wanted || texts[index].toLowerCase().includes(view.wanted);
    const solid = view.flat ? 0.9 : 0.66 + 0.28 * Math.max(-1, Math.min(1, near));
    pen.globalAlpha = found ? solid : 0.07;
    pen.beginPath();
    pen.arc(x, y, size * (1 + 0.28 * near) * (index === view.hover ? 1.7 : 1), 0, 2 * Math.PI);
    pen.fillStyle = paint(groups[index]);
    pen.fill();
    if (points.length <= 3000 || index === view.hover) {
      pen.strokeStyle = card;
      pen.stroke();
    }
  }
  pen.globalAlpha = 1;
  if (order.length <= 60) nameAll(order, size);
}

// Names the points, the nearest first, where no other name is in the way.
function nameAll(order, size) {
  pen.fillStyle = colour("--ink");
  pen.font = '12px system-ui, "Noto Sans CJK SC", "WenQuanYi Zen Hei", sans-serif';
  pen.textBaseline = "middle";
  const taken = [];
  for (const index of [...order].reverse()) {
    const letters = [...texts[index]];
    const text = letters.length > 26 ? letters.slice(0, 25).join("") + "\u2026" : texts[index];
    const { x, y } = placed[index];
    const long = pen.measureText(text).width;
    const before = x + long + size + 12 > width;
    const start = before ? x - size - 5 - long : x + size + 5;
    const free = taken.every(([left, right, at]) => start > right || start + long < left || Math.abs(at - y) > 13);
    if (!free) continue;
    taken.push([start, start + long, y]);
    const found = !view.wanted || texts[index].toLowerCase().includes(view.wanted);
    pen.globalAlpha = found ? 0.85 : 0.1;
    pen.fillText(text, start, y);
  }
  pen.globalAlpha = 1;
}

function fit() {
  width = find("stage").clientWidth;
  height = Math.max(360, Math.min(760, innerHeight - 120));
  pen = canvasOf(canvas, width, height);
  draw();
}

function nearest(event) {
  const box = canvas.getBoundingClientRect();
  const [x, y] = [event.clientX - box.left, event.clientY - box.top];
  let [best, distance] = [-1, 14 * 14];
  placed.forEach((point, index) => {
    const d = (point.x - x) ** 2 + (point.y - y) ** 2;
    if (!hidden.has(groups[index]) && d < distance) [best, distance] = [index, d];
  });
  return best;
}

let drag = null;
canvas.addEventListener("pointerdown", (event) => {
  canvas.setPointerCapture(event.pointerId);
  drag = { x: event.clientX, y: event.clientY };
  hideTip();
});
canvas.addEventListener("pointerup", () => { drag = null; });
canvas.addEventListener("pointermove", (event) => {
  if (drag) {
    const [dx, dy] = [event.clientX - drag.x, event.clientY - drag.y];
    drag = { x: event.clientX, y: event.clientY };
    if (view.flat) {
      view.x += dx;
      view.y += dy;
    } else {
      view.turn += 0.008 * dx;
      view.tilt = Math.max(-1.5, Math.min(1.5, view.tilt + 0.008 * dy));
    }
    draw();
    return;
  }
  const index = nearest(event);
  if (index !== view.hover) {
    view.hover = index;
    draw();
  }
  if (index < 0) return hideTip();
  const name = names.length ? names[groups[index]] : "";
  showTip(event, name && name !== texts[index] ? `${name}\n${texts[index]}` : texts[index]);
});
canvas.addEventListener("pointerleave", () => {
  hideTip();
  view.hover = -1;
  draw();
});
canvas.addEventListener("wheel", (event) => {
  event.preventDefault();
  view.zoom = Math.max(0.3, Math.min(40, view.zoom * Math.exp(-0.0015 * event.deltaY)));
  draw();
}, { passive: false });
canvas.addEventListener("dblclick", () => {
  Object.assign(view, REST);
  draw();
});

names.forEach((name, group) => {
  const button = make("button", { type: "button", "aria-pressed": "true", title: name });
  const dot = make("i");
  dot.style.background = paint(group);
  const count = groups.filter((other) => other === group).length;
  button.append(dot, make("span", {}, name), make("b", {}, String(count)));
  button.addEventListener("click", () => {
    if (!hidden.delete(group)) hidden.add(group);
    button.setAttribute("aria-pressed", !hidden.has(group));
    draw();
  });
  find("legend").append(button);
});
find("search").addEventListener("input", (event) => {
  view.wanted = event.target.value.trim().toLowerCase();
  draw();
});
choose("dimensions", (count) => {
  Object.assign(view, REST, { flat: count === "2" });
  draw();
});
find("title").textContent = data.title;
find("meta").textContent = `${points.length} vectors`;
find("shares").textContent = "variance on the axes: " + data.shares.map((p, i) => `${i + 1}: ${percent(p)}`).join(" \u00b7 ");
window.addEventListener("resize", fit);
redrawing.push(fit);
start();

"use strict";

const root = document.documentElement;
const data = JSON.parse(document.getElementById("data").textContent);
const find = (id) => document.getElementById(id);
const percent = (p) => (p >= 0.0995 ? (100 * p).toFixed(0) : (100 * p).toFixed(1)) + "%";
const redrawing = [];

function make(name, attributes = {}, text = "") {
  const svg = ["svg", "path", "text", "rect", "g"].includes(name);
  const node = svg
    ? document.createElementNS("http://www.w3.org/2000/svg", name)
    : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  if (text) node.textContent = text;
  return node;
}

function colour(name) {
  return getComputedStyle(root).getPropertyValue(name).trim();
}

function setTheme(theme) {
  root.dataset.theme = theme;
  find("theme").textContent = theme === "dark" ? "Light" : "Dark";
  for (const redraw of redrawing) redraw();
}

function showTip(event, text) {
  const tip = find("tip");
  tip.textContent = text;
  tip.hidden = false;
  const { width, height } = tip.getBoundingClientRect();
  const left = Math.min(event.clientX + 14, innerWidth - width - 8);
  const below = event.clientY + 18;
  tip.style.left = Math.max(8, left) + "px";
  tip.style.top = (below + height > innerHeight ? event.clientY - height - 10 : below) + "px";
}

function hideTip() {
  find("tip").hidden = true;
}

// Sizes a canvas in the pixels of the screen; its context draws in those of the page.
function canvasOf(canvas, width, height) {
  const ratio = window.devicePixelRatio || 1;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  canvas.style.width = width + "px";
  canvas.style.height = height + "px";
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  return context;
}

// A group of buttons, one of which is pressed.
function choose(group, changed) {
  const buttons = [...find(group).querySelectorAll("button")];
  for (const button of buttons) {
    button.addEventListener("click", () => {
      for (const other of buttons) other.setAttribute("aria-pressed", other === button);
      changed(button.value);
    });
  }
}

const dark = window.matchMedia("(prefers-color-scheme: dark)");
function start() {
  setTheme(dark.matches ? "dark" : "light");
  dark.addEventListener("change", () => setTheme(dark.matches ? "dark" : "light"));
  find("theme").addEventListener("click", () => {
    setTheme(root.dataset.theme === "dark" ? "light" : "dark");
  });
}

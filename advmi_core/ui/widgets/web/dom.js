// The few lines of DOM that every part needs.

const SVG = "http://www.w3.org/2000/svg";

function make(tag, attributes = {}, parent = null, text = null) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  if (text !== null) node.textContent = text;
  if (parent) parent.appendChild(node);
  return node;
}

function draw(tag, attributes = {}, parent = null, text = null) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  if (text !== null) node.textContent = text;
  if (parent) parent.appendChild(node);
  return node;
}

// A slider with its sign before it and its value behind it.
function sliderIn(parent, sign, label, moved) {
  const row = make("label", { class: "plane-slider" }, parent);
  make("span", {}, row, sign);
  const range = make("input", { type: "range", min: 0, step: 1, "aria-label": label }, row);
  const value = make("output", {}, row);
  range.oninput = moved;
  return { range, value };
}

// Which of some numbers is the nearest to the wanted one.
function nearest(values, wanted) {
  let best = 0;
  values.forEach((value, i) => {
    if (Math.abs(value - wanted) < Math.abs(values[best] - wanted)) best = i;
  });
  return best;
}

// Numbers as people read them: three significant digits, a real minus sign.
function number(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  if (value === 0) return "0";
  const size = Math.abs(value);
  const text = size >= 1000 ? value.toFixed(0) : size < 0.001 ? value.toExponential(1) : String(Number(value.toPrecision(3)));
  return text.replace(/e-(\d)$/, "e-0$1").replaceAll("-", "−"); // the exponent as the server writes it
}

// Dark themes get lighter inks; the class is read by the style sheet.
function markTheme(root, host) {
  const background = getComputedStyle(host).getPropertyValue("--st-background-color").trim();
  const probe = make("span", { style: `color:${background || "#fff"};display:none` }, root);
  const [r, g, b] = (getComputedStyle(probe).color.match(/[\d.]+/g) || [255, 255, 255]).map(Number);
  probe.remove();
  root.classList.toggle("dark", 0.299 * r + 0.587 * g + 0.114 * b < 128);
}

// Small panels over the same iterations, those that an attack has; one marker walks through all of them.

const PANELS = [
  { id: "criterion", title: "Criterion f", unit: "≤ 0: adversarial", ink: "vermilion", dash: "", zero: true },
  { id: "c", title: "Dual variable c", unit: "weight of f⁺", ink: "purple", dash: "7 3", zero: false },
  { id: "kept", title: "Information kept", unit: "% of that in x", ink: "blue", dash: "", zero: false, thin: "loop" },
  { id: "gap", title: "Proximal gap", unit: "→ 0: stationary", ink: "green", dash: "2 3", zero: false },
];

const ALWAYS = ["criterion", "kept"];
const EDGE = { left: 46, right: 10, top: 8, bottom: 30 };

function ticks(low, high) {
  const raw = (high - low) / 4;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= raw);
  const out = [];
  for (let v = Math.ceil(low / step) * step; v <= high + step * 1e-9; v += step) out.push(Math.abs(v) < step * 1e-9 ? 0 : v);
  return out;
}

// Percent, with a digit more where little is missing to all of it.
const kept = (value) => (value >= 99 && value < 100 ? value.toFixed(2) : number(value));

// Lowest and highest value of an axis that shows all of these.
function range(values) {
  let [low, high] = [Math.min(...values), Math.max(...values)];
  if (high - low < 1e-9) [low, high] = [low - 0.5, high + 0.5];
  const pad = 0.06 * (high - low);
  return [low - pad, high + pad];
}

const upwards = (low, high, height) => (value) => EDGE.top + (1 - (value - low) / (high - low)) * (height - EDGE.top - EDGE.bottom);

class Panel {
  constructor(parent, kind, onStep) {
    this.kind = kind;
    this.box = make("div", { class: "panel", "data-panel": kind.id }, parent);
    const head = make("div", { class: "panel-head" }, this.box);
    make("span", { class: `panel-title ink-${kind.ink}` }, head, kind.title);
    this.value = make("span", { class: "panel-value" }, head);
    const foot = make("div", { class: "panel-unit" }, this.box);
    make("span", {}, foot, kind.unit);
    this.thin = make("span", { class: "thin-key", hidden: "" }, foot);
    this.probe = make("div", { class: "probe", "aria-hidden": "true" }, this.box); // resolves the style's height
    this.svg = draw("svg", { role: "img" }, this.box);
    const move = (event) => {
      if (event.buttons !== 1 || !this.x) return;
      const inside = event.clientX - this.svg.getBoundingClientRect().left - EDGE.left;
      onStep(1 + (inside / this.inner) * (this.total - 1));
    };
    this.svg.addEventListener("pointerdown", move);
    this.svg.addEventListener("pointermove", move);
  }

  // Before any is drawn, for the panels that are left share the width.
  fit(curves) {
    const known = (curves[this.kind.id] || []).some((v) => v !== null);
    this.box.hidden = !known && !ALWAYS.includes(this.kind.id);
  }

  update(curves, total, best, loop) {
    this.x = null;
    this.thin.textContent = `${loop}, nats`;
    if (this.box.hidden) return null;
    const width = Math.max(140, this.box.clientWidth);
    const height = this.probe.clientHeight || 120;
    Object.assign(this, { steps: curves.step, values: curves[this.kind.id] || [], total: Math.max(2, total), height });
    this.nats = this.kind.thin ? curves.information || [] : [];
    this.second = this.kind.thin ? (curves[this.kind.thin] || []) : [];
    const beside = this.second.some((v) => v !== null);
    this.thin.hidden = !beside;
    this.right = beside ? EDGE.left : EDGE.right;
    this.inner = width - EDGE.left - this.right;
    this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.svg.setAttribute("height", height);
    this.svg.replaceChildren();
    const known = this.values.filter((v) => v !== null);
    if (!known.length) return this.empty(width, height);
    this.x = (step) => EDGE.left + ((step - 1) / (this.total - 1)) * this.inner;
    let [low, high] = range([...known, ...(this.kind.zero ? [0] : [])]);
    if (this.kind.thin) high = Math.min(high, Math.max(100, ...known));
    this.y = upwards(low, high, height);
    this.axes(low, high, width, height);
    if (beside) this.beside(width, height);
    this.line();
    if (best) this.kept(best, height);
    this.cursor = draw("line", { class: "cursor", y1: EDGE.top, y2: height - EDGE.bottom }, this.svg);
    this.dot = draw("circle", { class: `dot fill-${this.kind.ink}`, r: 4.5 }, this.svg);
    return null;
  }

  empty(width, height) {
    const waiting = this.steps.length === 0;
    const text = waiting ? "" : "not used by this attack";
    draw("line", { class: "axis", x1: EDGE.left, x2: width - this.right, y1: height - EDGE.bottom, y2: height - EDGE.bottom }, this.svg);
    draw("text", { class: "tick", x: width / 2, y: height / 2, "text-anchor": "middle" }, this.svg, text);
    this.value.textContent = "";
    this.svg.setAttribute("aria-label", `${this.kind.title}: no values`);
  }

  axes(low, high, width, height) {
    const floor = height - EDGE.bottom;
    if (this.kind.zero) {
      const zero = this.y(0);
      draw("rect", { class: "goal", x: EDGE.left, width: this.inner, y: zero, height: Math.max(0, floor - zero) }, this.svg);
    }
    for (const value of ticks(low, high)) {
      const y = this.y(value);
      draw("line", { class: value === 0 && this.kind.zero ? "zero" : "grid", x1: EDGE.left, x2: width - this.right, y1: y, y2: y }, this.svg);
      draw("text", { class: "tick", x: EDGE.left - 6, y: y + 4, "text-anchor": "end" }, this.svg, this.kind.thin ? String(Number(value.toFixed(3))) : number(value));
    }
    for (const [step, anchor] of [[1, "start"], [this.total, "end"]]) {
      draw("text", { class: "tick", x: this.x(step), y: floor + 15, "text-anchor": anchor }, this.svg, step);
    }
    draw("text", { class: "tick", x: EDGE.left + this.inner / 2, y: floor + 15, "text-anchor": "middle" }, this.svg, "iteration");
  }

  // The second line, on a scale of its own at the right.
  beside(width, height) {
    const [low, high] = range(this.second.filter((v) => v !== null));
    const y = upwards(low, high, height);
    for (const value of ticks(low, high)) {
      draw("text", { class: "tick", x: width - this.right + 6, y: y(value) + 4 }, this.svg, number(value));
    }
    draw("polyline", { class: "thin-curve", points: this.points(this.second, y).join(" ") }, this.svg);
  }

  points(values, y) {
    return this.steps.flatMap((step, i) => (values[i] === null ? [] : [`${this.x(step).toFixed(1)},${y(values[i]).toFixed(1)}`]));
  }

  line() {
    const points = this.points(this.values, this.y);
    draw("polyline", { class: `curve ink-${this.kind.ink}`, points: points.join(" "), "stroke-dasharray": this.kind.dash, "data-points": points.length }, this.svg);
    const last = this.values.findLast((v) => v !== null);
    this.svg.setAttribute("aria-label", `${this.kind.title} over ${this.steps.length} recorded iterations, last value ${number(last)}`);
  }

  kept(best, height) {
    const x = this.x(best);
    draw("line", { class: "kept", x1: x, x2: x, y1: EDGE.top, y2: height - EDGE.bottom }, this.svg);
    draw("path", { class: "kept-mark", d: `M${x - 5},${height - EDGE.bottom + 7} h10 l-5,-7 z` }, this.svg);
  }

  mark(step) {
    if (!this.x) return;
    let index = -1;
    this.steps.forEach((s, i) => {
      if (this.values[i] !== null && (index < 0 || Math.abs(s - step) <= Math.abs(this.steps[index] - step))) index = i;
    });
    const x = this.x(step);
    this.cursor.setAttribute("x1", x);
    this.cursor.setAttribute("x2", x);
    if (index >= 0) {
      this.dot.setAttribute("cx", this.x(this.steps[index]));
      this.dot.setAttribute("cy", this.y(this.values[index]));
      const nats = this.nats[index];
      this.value.textContent = this.kind.thin ? `${kept(this.values[index])} %${nats === null ? "" : ` · ${number(nats)} nats`}` : number(this.values[index]);
    }
  }
}

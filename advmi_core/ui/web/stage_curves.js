// Four small panels over the same iterations; one marker walks through all of them.

const PANELS = [
  { id: "criterion", title: "Criterion f", unit: "≤ 0: adversarial", ink: "vermilion", dash: "", zero: true },
  { id: "c", title: "Dual variable c", unit: "weight of f⁺", ink: "purple", dash: "7 3", zero: false },
  { id: "mi", title: "Mutual information", unit: "nats, in-loop", ink: "blue", dash: "", zero: false },
  { id: "gap", title: "Proximal gap", unit: "→ 0: stationary", ink: "green", dash: "2 3", zero: false },
];

const EDGE = { left: 46, right: 10, top: 8, bottom: 30 };

function ticks(low, high) {
  const raw = (high - low) / 3;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= raw);
  const out = [];
  for (let v = Math.ceil(low / step) * step; v <= high + step * 1e-9; v += step) out.push(Math.abs(v) < step * 1e-9 ? 0 : v);
  return out;
}

class Panel {
  constructor(parent, kind, onStep) {
    this.kind = kind;
    this.box = make("div", { class: "panel", "data-panel": kind.id }, parent);
    const head = make("div", { class: "panel-head" }, this.box);
    make("span", { class: `panel-title ink-${kind.ink}` }, head, kind.title);
    this.value = make("span", { class: "panel-value" }, head);
    make("div", { class: "panel-unit" }, this.box, kind.unit);
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

  update(curves, total, best) {
    const width = Math.max(140, this.box.clientWidth);
    const height = this.probe.clientHeight || 120;
    Object.assign(this, { steps: curves.step, values: curves[this.kind.id] || [], total: Math.max(2, total), height });
    this.inner = width - EDGE.left - EDGE.right;
    this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.svg.setAttribute("height", height);
    this.svg.replaceChildren();
    const known = this.values.filter((v) => v !== null);
    if (!known.length) return this.empty(width, height);
    let low = Math.min(...known, ...(this.kind.zero ? [0] : []));
    let high = Math.max(...known, ...(this.kind.zero ? [0] : []));
    if (high - low < 1e-9) [low, high] = [low - 0.5, high + 0.5];
    const pad = 0.06 * (high - low);
    [low, high] = [low - pad, high + pad];
    this.x = (step) => EDGE.left + ((step - 1) / (this.total - 1)) * this.inner;
    this.y = (value) => EDGE.top + (1 - (value - low) / (high - low)) * (height - EDGE.top - EDGE.bottom);
    this.axes(low, high, width, height);
    this.line();
    if (best) this.kept(best, height);
    this.cursor = draw("line", { class: "cursor", y1: EDGE.top, y2: height - EDGE.bottom }, this.svg);
    this.dot = draw("circle", { class: `dot fill-${this.kind.ink}`, r: 4.5 }, this.svg);
    return null;
  }

  empty(width, height) {
    this.x = null;
    const waiting = this.steps.length === 0;
    const text = waiting ? "" : "not used by this attack";
    draw("line", { class: "axis", x1: EDGE.left, x2: width - EDGE.right, y1: height - EDGE.bottom, y2: height - EDGE.bottom }, this.svg);
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
      draw("line", { class: value === 0 && this.kind.zero ? "zero" : "grid", x1: EDGE.left, x2: width - EDGE.right, y1: y, y2: y }, this.svg);
      draw("text", { class: "tick", x: EDGE.left - 6, y: y + 4, "text-anchor": "end" }, this.svg, number(value));
    }
    for (const [step, anchor] of [[1, "start"], [this.total, "end"]]) {
      draw("text", { class: "tick", x: this.x(step), y: floor + 15, "text-anchor": anchor }, this.svg, step);
    }
    draw("text", { class: "tick", x: EDGE.left + this.inner / 2, y: floor + 15, "text-anchor": "middle" }, this.svg, "iteration");
  }

  line() {
    const points = [];
    this.steps.forEach((step, i) => {
      if (this.values[i] !== null) points.push(`${this.x(step).toFixed(1)},${this.y(this.values[i]).toFixed(1)}`);
    });
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
      this.value.textContent = number(this.values[index]);
    }
  }
}

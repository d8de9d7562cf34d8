// One density over the common axis of grey levels, its handles on the curve.

const EDGE = { left: 10, right: 10, top: 16, bottom: 25 };

class Density {
  // kind: { id, title, note, ink, first (value of the first bin), ends (labelled values) }
  constructor(parent, kind, handles, owner) {
    Object.assign(this, { kind, owner });
    this.box = make("figure", { class: "density", "data-density": kind.id }, parent);
    const head = make("figcaption", {}, this.box);
    make("b", { class: `ink-${kind.ink}` }, head, kind.title);
    make("span", {}, head, kind.note);
    this.value = make("output", {}, head);
    this.svg = draw("svg", { "aria-label": `${kind.title}: ${kind.note}`, role: handles.length ? "group" : "img" }, this.box);
    this.drawn = draw("g", {}, this.svg);
    this.handles = handles.map((handle) => ({ ...handle, node: new Handle(this.svg, handle, owner) }));
  }

  // p: probabilities from value `first` on; ghost: another density behind it, or null.
  update(p, ghost, entropy, values) {
    const { width, height } = this.owner.panel;
    Object.assign(this.svg.style, { height: `${height}px` });
    this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.value.textContent = entropy;
    this.drawn.replaceChildren();
    const floor = height - EDGE.bottom;
    const top = Math.max(...p);
    const x = (value) => EDGE.left + (value + REACH + 0.5) * this.owner.bin;
    const y = (q) => floor - (q / top) * (floor - EDGE.top);
    this.axis(x, floor, width);
    if (ghost) this.shape(ghost.p, ghost.first, x, (q) => floor - (q / Math.max(...ghost.p)) * (floor - EDGE.top), floor, "ghost");
    this.shape(p, this.kind.first, x, y, floor, `area ink-${this.kind.ink}`);
    for (const handle of this.handles) {
      const at = handle.at(values);
      const bin = Math.min(p.length - 1, Math.max(0, Math.round(at - this.kind.first)));
      handle.node.place(x(at), handle.floor ? floor : y(p[bin]), values, width);
    }
  }

  axis(x, floor, width) {
    draw("line", { class: "axis", x1: EDGE.left, x2: width - EDGE.right, y1: floor, y2: floor }, this.drawn);
    for (const value of this.kind.ends) {
      draw("line", { class: "axis", x1: x(value), x2: x(value), y1: floor, y2: floor + 4 }, this.drawn);
      draw("text", { class: "tick", x: x(value), y: floor + 20, "text-anchor": "middle" }, this.drawn, String(value).replace("-", "−"));
    }
  }

  // Steps, not a smooth curve: the values are bins.
  shape(p, first, x, y, floor, style) {
    const half = this.owner.bin / 2;
    const steps = p.map((q, i) => `L${(x(first + i) - half).toFixed(1)},${y(q).toFixed(1)} h${(2 * half).toFixed(2)}`);
    const d = `M${(x(first) - half).toFixed(1)},${floor} ${steps.join(" ")} V${floor}`;
    draw("path", { class: style, d }, this.drawn);
  }
}

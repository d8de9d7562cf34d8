// A point that can be dragged, and moved by the arrow keys: a slider to assistive technology.

const HOPS = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -5, PageUp: 5, Home: -1e6, End: 1e6 };

class Handle {
  // kind: { id, label, word, step, low(values), high(values), ink }
  constructor(svg, kind, owner) {
    Object.assign(this, { kind, owner });
    this.node = draw("g", { class: `handle ink-${kind.ink}`, role: "slider", tabindex: 0, "aria-label": kind.label, "data-handle": kind.id }, svg);
    draw("circle", { class: "target", r: 17 }, this.node);
    draw("circle", { class: "knob", r: 9 }, this.node);
    draw("path", { class: "arrows", d: "M-5,0 L-1.5,-3.5 M-5,0 L-1.5,3.5 M5,0 L1.5,-3.5 M5,0 L1.5,3.5" }, this.node);
    this.word = draw("text", { class: "word", x: 14, y: -8 }, this.node, kind.word);
    this.node.addEventListener("pointerdown", (event) => this.grab(event));
    this.node.addEventListener("pointermove", (event) => this.drag(event));
    for (const end of ["pointerup", "pointercancel"]) this.node.addEventListener(end, () => this.release());
    this.node.addEventListener("keydown", (event) => this.key(event));
  }

  place(x, y, values, room) {
    this.x = x;
    this.node.setAttribute("transform", `translate(${x.toFixed(1)} ${y.toFixed(1)})`);
    const left = x > room - 70;
    this.word.setAttribute("x", left ? -14 : 14);
    this.word.setAttribute("text-anchor", left ? "end" : "start");
    const value = values[this.kind.id];
    const about = { now: value, min: this.kind.low(values), max: this.kind.high(values), text: `${number(value)} bins` };
    for (const [name, said] of Object.entries(about)) this.node.setAttribute(`aria-value${name}`, said);
  }

  grab(event) {
    event.preventDefault();
    this.node.setPointerCapture(event.pointerId);
    this.node.focus({ preventScroll: true });
    this.start = { pointer: event.clientX, value: this.owner.values[this.kind.id] };
  }

  drag(event) {
    if (!this.start) return;
    const bins = (event.clientX - this.start.pointer) / this.owner.bin;
    this.owner.change(this.kind, this.start.value + bins * this.kind.pull);
  }

  release() {
    if (!this.start) return;
    this.start = null;
    this.owner.report();
  }

  key(event) {
    const hop = HOPS[event.key];
    if (hop === undefined) return;
    event.preventDefault();
    this.owner.change(this.kind, this.owner.values[this.kind.id] + hop * this.kind.step);
    this.owner.report();
  }
}

// The plane of ε and w: cells to look at, two sliders that move over them, and what each position looks like.

const WORDS = {
  classification: ["destroy information", "no term", "keep information"],
  reconstruction: ["keep information", "", "destroy information"],
};
const cross = "✕";

class Plane {
  constructor(host, send) {
    this.send = send;
    this.root = make("div", { class: "stage plane" }, host);
    const top = make("div", { class: "plane-top" }, this.root);
    this.left = make("div", { class: "plane-left" }, top);
    this.right = make("div", { class: "plane-right" }, top);
    this.choice = make("div", { class: "layers", role: "radiogroup", "aria-label": "Colour of the plane" }, this.left);
    const frame = make("div", { class: "frame" }, this.left);
    this.axis = make("span", { class: "axis-eps", "aria-hidden": "true" }, frame);
    this.ticks = make("div", { class: "ticks-eps", "aria-hidden": "true" }, frame);
    this.grid = make("div", { class: "grid-cells", role: "img" }, frame);
    this.feet = make("div", { class: "ticks-w", "aria-hidden": "true" }, frame);
    this.bar = make("div", { class: "colour-bar", "aria-hidden": "true" }, this.left);
    this.eps = sliderIn(this.left, "ε", "Radius ε", () => this.moved());
    this.weight = sliderIn(this.left, "w", "MI weight w", () => this.moved());
    this.ends = make("div", { class: "ends" }, this.left);
    this.pictures = make("div", { class: "pictures" }, this.right);
    this.bars = new Bars(make("div", { class: "side" }, this.right));
    this.verdict = make("div", { class: "plane-said", role: "status" }, this.root);
    this.numbers = make("div", { class: "plane-numbers" }, this.root);
    this.slots = [];
    this.grid.onclick = (event) => event.target.dataset.row && this.go(Number(event.target.dataset.row));
  }

  update(data) {
    const fresh = data.key !== this.key;
    if (!this.at) this.at = { ...data.at };
    this.data = data;
    if (data.x && (fresh || !this.frames)) this.frames = new Frames(data);
    this.key = data.key;
    this.root.classList.toggle("large", data.large);
    this.root.classList.toggle("rebuilds", data.kind === "reconstruction");
    this.root.dataset.key = data.key;
    this.root.dataset.state = data.live ? (data.fine ? "fine" : "coarse") : data.idle ? "idle" : "finished";
    if (fresh) this.build();
    markTheme(this.root, this.root);
    this.colour();
    this.show();
  }

  // All that depends on the axes and the kind only.
  build() {
    const { data } = this;
    const { eps, weights } = data;
    this.eps.range.max = eps.length - 1;
    this.weight.range.max = weights.length - 1;
    this.eps.range.value = nearest(eps, this.at.eps);
    this.weight.range.value = nearest(weights, this.at.weight);
    this.axis.textContent = data.radius;
    this.grid.replaceChildren();
    this.grid.style.setProperty("--columns", weights.length);
    this.ticks.replaceChildren();
    this.cells = new Array(eps.length * weights.length);
    for (let i = eps.length - 1; i >= 0; i -= 1) {
      make("span", {}, this.ticks, number(eps[i]));
      for (let j = 0; j < weights.length; j += 1) {
        const row = i * weights.length + j;
        this.cells[row] = make("span", { class: "cell", "data-row": row }, this.grid);
      }
    }
    this.feet.replaceChildren();
    this.feet.style.setProperty("--columns", weights.length);
    for (const weight of weights) make("span", {}, this.feet, number(weight));
    this.ends.replaceChildren();
    for (const word of WORDS[data.kind]) make("span", {}, this.ends, word);
    this.choice.replaceChildren();
    for (const [name, layer] of Object.entries(data.layers)) {
      const button = make("button", { type: "button", role: "radio", "data-layer": name }, this.choice, layer.title);
      button.onclick = () => {
        this.at.colour = name;
        this.colour();
        this.report();
      };
    }
    const count = data.kind === "reconstruction" ? 5 : 3;
    while (this.slots.length > count) this.slots.pop().figure.remove();
    while (this.slots.length < count) this.slots.push(new Picture(this.pictures, this.slots.length));
  }

  colour() {
    const { data } = this;
    const layer = data.layers[this.at.colour];
    for (const button of this.choice.children) {
      button.setAttribute("aria-checked", button.dataset.layer === this.at.colour);
    }
    this.cells.forEach((cell, row) => {
      cell.style.background = layer.colours[row] || "";
      cell.textContent = data.state[row] === "failed" ? cross : "";
      cell.className = `cell ${data.state[row]}`;
      cell.title = this.position(row, layer);
    });
    this.grid.setAttribute("aria-label", data.alt);
    this.bar.replaceChildren();
    make("span", {}, this.bar, `${layer.title}: ${layer.ends[0]}`);
    make("i", { style: `background:linear-gradient(90deg,${layer.bar.join(",")})` }, this.bar);
    make("span", {}, this.bar, layer.ends[1]);
    make("span", { class: "legend" }, this.bar, `${cross} no success`);
    this.mark();
  }

  position(row, layer) {
    const { eps, weights, state } = this.data;
    const [e, w] = [eps[Math.floor(row / weights.length)], weights[row % weights.length]];
    const said = state[row] === "unknown" ? "not computed" : `${layer.title} ${layer.texts[row]}${state[row] === "failed" ? ", no success" : ""}`;
    return `ε = ${number(e)}, w = ${number(w)}: ${said}`;
  }

  get row() {
    return Number(this.eps.range.value) * this.data.weights.length + Number(this.weight.range.value);
  }

  go(row) {
    this.eps.range.value = Math.floor(row / this.data.weights.length);
    this.weight.range.value = row % this.data.weights.length;
    this.moved();
  }

  moved() {
    const { eps, weights } = this.data;
    this.at.eps = eps[Number(this.eps.range.value)];
    this.at.weight = weights[Number(this.weight.range.value)];
    this.show();
    this.report();
  }

  // Tell the server, for the link, when the hand has come to rest.
  report() {
    clearTimeout(this.pending);
    this.pending = setTimeout(() => this.send({ ...this.at }), 400);
  }

  mark() {
    for (const cell of this.grid.querySelectorAll(".here")) cell.classList.remove("here");
    this.cells[this.row].classList.add("here");
  }

  // Everything that depends on the position.
  show() {
    const { data, row, frames } = this;
    const [e, w] = [Number(this.eps.range.value), Number(this.weight.range.value)];
    const words = WORDS[data.kind];
    const said = (end) => (words[end] ? `, ${words[end]}` : "");
    const { weights } = data;
    const side = data.kind === "classification" ? Math.sign(weights[w]) + 1 : weights[w] > 0 ? 2 : 0;
    this.eps.value.textContent = number(data.eps[e]);
    this.weight.value.textContent = number(weights[w]);
    this.eps.range.setAttribute("aria-valuetext", number(data.eps[e]));
    this.weight.range.setAttribute("aria-valuetext", `${number(weights[w])}${said(side)}`);
    this.mark();
    this.root.dataset.row = row;
    this.numbers.replaceChildren();
    if (!frames) return;
    const ready = !data.idle && !data.live;
    const frame = ready ? row : 0;
    if (data.kind === "reconstruction") this.showReconstruction(frames, frame, ready);
    else this.showClassification(frames, frame, ready);
    const outcome = { success: "✓ Success", failed: `${cross} No success`, unknown: "Not computed" }[data.state[row]];
    const text = `ε = ${number(data.eps[e])} · w = ${number(weights[w])}${said(side)}`;
    this.verdict.textContent = ready ? `${outcome} · ${text}` : text;
    this.verdict.dataset.outcome = ready ? data.state[row] : "";
    for (const [name, value] of ready ? data.numbers[row] : []) {
      const item = make("span", { class: "plane-number" }, this.numbers);
      make("small", {}, item, name);
      make("b", {}, item, value);
    }
  }

  showClassification(frames, frame, ready) {
    const { data } = this;
    const best = (p) => p.indexOf(Math.max(...p));
    const said = (p) => `${data.classes[best(p)]} ${percent(Math.max(...p))}`;
    this.paint(0, "Original x", frames.original, said(data.probs0));
    this.perturbation(1, frames, frame);
    this.paint(2, "Adversarial x̃", frames.adversarial(frame), ready ? said(data.probs[frame]) : "");
    this.bars.update("Prediction of the model", classRows(data, frame), ["x", "x̃"]);
  }

  showReconstruction(frames, frame, ready) {
    const { data } = this;
    this.paint(0, "Original x", frames.original, "");
    this.perturbation(1, frames, frame);
    this.paint(2, "Adversarial x̃", frames.adversarial(frame), "");
    this.paint(3, "Rebuilt Φ(x)", (i) => frames.reconstructed[i], "");
    this.paint(4, "Rebuilt Φ(x̃)", frames.rebuilt(frame), "");
    this.bars.update("Error against x", ready ? lossRows(data, frame) : lossRows(data, 0), ["", ""]);
  }

  paint(slot, title, value, note) {
    this.slots[slot].paint(this.frames.shape, value, null);
    this.slots[slot].say(title, note, note ? `${title}, ${note}` : title);
  }

  perturbation(slot, frames, frame) {
    const { gain } = this.data;
    this.slots[slot].paint(frames.shape, null, frames.perturbation(frame, gain));
    this.slots[slot].sayGain(`Perturbation δ, ×${gain}`, gain);
  }
}

const planes = new WeakMap();

export default function ({ data, parentElement, setStateValue }) {
  if (!planes.has(parentElement)) planes.set(parentElement, new Plane(parentElement, (at) => setStateValue("position", at)));
  planes.get(parentElement).update(JSON.parse(data));
}

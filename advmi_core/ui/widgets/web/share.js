// How much of the information may stay: four pictures, and the slider that takes information away.

class Share {
  constructor(host, send) {
    this.send = send;
    this.root = make("div", { class: "stage share" }, host);
    this.pictures = make("div", { class: "pictures" }, this.root);
    this.slots = [0, 1, 2, 3].map((id) => new Picture(this.pictures, id));
    make("div", { class: "share-title" }, this.root, "How much of the information may stay");
    this.slider = sliderIn(this.root, "", "How much of the information may stay", () => this.moved());
    this.ends = make("div", { class: "ends" }, this.root);
    this.verdict = make("div", { class: "plane-said", role: "status" }, this.root);
    this.numbers = make("div", { class: "plane-numbers" }, this.root);
  }

  update(data) {
    const fresh = data.key !== this.key;
    if (this.at === undefined) this.at = data.at;
    this.data = data;
    this.key = data.key;
    this.root.classList.toggle("large", data.large);
    this.root.dataset.key = data.key;
    this.root.dataset.state = data.live ? "live" : data.idle ? "idle" : "finished";
    if (fresh) this.build();
    markTheme(this.root, this.root);
    this.show();
  }

  get stops() {
    return this.data.shares || [];
  }

  // All that depends on the result only.
  build() {
    this.frames = new Frames(this.data);
    const { range } = this.slider;
    range.max = Math.max(0, this.stops.length - 1);
    range.disabled = this.stops.length < 2;
    if (this.stops.length) range.value = nearest(this.stops, this.at);
    this.ends.replaceChildren();
    for (const word of this.data.ends || ["keep information", "destroy information"]) make("span", {}, this.ends, word);
  }

  moved() {
    this.at = this.stops[Number(this.slider.range.value)];
    this.show();
    // Tell the server, for the link, when the hand has come to rest.
    clearTimeout(this.pending);
    this.pending = setTimeout(() => this.send(this.at), 400);
  }

  show() {
    const { data, frames, slider } = this;
    const ready = this.stops.length > 0;
    const stop = ready ? Number(slider.range.value) : 0;
    const label = ready ? data.labels[stop] : "";
    this.root.dataset.stop = stop;
    slider.value.textContent = label;
    slider.range.setAttribute("aria-valuetext", ready ? `${label} stays` : "nothing computed yet");
    this.paint(0, "Original x", frames.original, "what went in");
    this.paint(1, "Rebuilt Φ(x)", (i) => frames.reconstructed[i], `‖x − Φ(x)‖² = ${number(data.loss0)}`);
    this.paint(2, "Adversarial x̃", frames.adversarial(stop), ready ? `keeps ${label}` : "");
    this.paint(3, "Rebuilt Φ(x̃)", frames.rebuilt(stop), ready ? `‖x − Φ(x̃)‖² = ${number(data.losses[stop])}` : "");
    const [tone, title, text] = ready ? data.verdicts[stop] : ["", data.said || "", ""];
    this.verdict.hidden = !title;
    this.verdict.dataset.outcome = { good: "success", bad: "failed" }[tone] || "";
    this.verdict.replaceChildren();
    make("b", {}, this.verdict, title);
    make("div", {}, this.verdict, text);
    this.numbers.replaceChildren();
    for (const [name, value] of ready ? data.numbers[stop] : []) {
      const item = make("span", { class: "plane-number" }, this.numbers);
      make("small", {}, item, name);
      make("b", {}, item, value);
    }
  }

  paint(slot, title, value, note) {
    this.slots[slot].paint(this.frames.shape, value, null);
    this.slots[slot].say(title, note, note ? `${title}, ${note}` : title);
  }
}

const shares = new WeakMap();

export default function ({ data, parentElement, setStateValue }) {
  if (!shares.has(parentElement)) shares.set(parentElement, new Share(parentElement, (at) => setStateValue("position", at)));
  shares.get(parentElement).update(JSON.parse(data));
}

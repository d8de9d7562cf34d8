// The stage: pictures, bars, curves and the scrubber that moves all of them together.

class Stage {
  constructor(host) {
    this.host = host;
    this.root = make("div", { class: "stage" }, host);
    this.top = make("div", { class: "top" }, this.root);
    this.pictures = make("div", { class: "pictures" }, this.top);
    this.side = make("div", { class: "side" }, this.top);
    this.bars = new Bars(this.side);
    this.scrub = this.scrubber();
    this.curves = make("div", { class: "curves" }, this.root);
    this.panels = PANELS.map((kind) => new Panel(this.curves, kind, (step) => this.walk(step)));
    this.slots = [];
    this.key = null;
    this.step = 0;
    this.playing = null;
    this.watcher = new ResizeObserver(() => this.data && this.redraw());
    this.watcher.observe(this.root);
    // Two stages on one page walk together, through the iterations of either.
    this.follow = ({ detail }) => {
      if (detail.from !== this && this.data && !this.data.live && !this.data.idle) this.place(detail.step);
    };
    window.addEventListener("advmi-step", this.follow);
  }

  scrubber() {
    const bar = make("div", { class: "scrubber" }, this.root);
    const play = make("button", { type: "button", class: "play", "aria-label": "Play the iterations" }, bar, "▶");
    const back = make("button", { type: "button", "aria-label": "One iteration back" }, bar, "‹");
    const range = make("input", { type: "range", min: 1, step: 1, "aria-label": "Iteration" }, bar);
    const next = make("button", { type: "button", "aria-label": "One iteration on" }, bar, "›");
    const label = make("span", { class: "iteration", "aria-live": "off" }, bar);
    const kept = make("button", { type: "button", class: "to-kept" }, bar, "▲ kept");
    const gain = make("label", { class: "gain" }, bar, "Perturbation gain ");
    const choice = make("select", { "aria-label": "Gain of the shown perturbation" }, gain);
    play.onclick = () => this.toggle();
    back.onclick = () => this.hop(-1);
    next.onclick = () => this.hop(1);
    kept.onclick = () => this.walk(this.data.best);
    range.oninput = () => this.walk(Number(range.value));
    choice.onchange = () => {
      this.gain = Number(choice.value);
      this.show();
    };
    return { bar, play, back, range, next, label, kept, choice };
  }

  // The latest message counts: files of an earlier one may be decoded after it.
  async take(data) {
    this.awaited = data;
    const pixels = isFiles(data) ? await arrays(data) : null;
    if (this.awaited === data) this.update(data, pixels);
  }

  update(data, pixels) {
    const fresh = data.key !== this.key;
    const ended = this.data && this.data.live && !data.live;
    if (fresh || this.gain === undefined) this.gain = data.gain;
    this.data = data;
    this.frames = new Frames(data, pixels);
    if (fresh || data.live) this.stop();
    if (fresh || data.live || ended) this.step = data.live || !data.best ? data.steps.at(-1) : data.best;
    this.key = data.key;
    this.root.classList.toggle("large", data.large);
    this.root.classList.toggle("photograph", pixels !== null);
    this.root.classList.toggle("four", data.kind === "reconstruction");
    this.root.dataset.key = data.key;
    this.root.dataset.state = data.live ? "live" : data.idle ? "idle" : "finished";
    this.redraw();
  }

  redraw() {
    markTheme(this.root, this.root);
    const { data, scrub } = this;
    const idle = data.idle || data.live;
    scrub.range.max = Math.max(1, data.total);
    for (const node of [scrub.play, scrub.back, scrub.range, scrub.next]) node.disabled = idle;
    scrub.kept.hidden = idle || !data.best;
    scrub.choice.replaceChildren();
    for (const gain of data.gains) {
      make("option", { value: gain, ...(gain === this.gain ? { selected: "" } : {}) }, scrub.choice, `×${gain}`);
    }
    for (const panel of this.panels) panel.fit(data.curves);
    for (const panel of this.panels) panel.update(data.curves, data.total, data.live ? null : data.best, data.loop);
    this.slot(data.kind === "reconstruction" ? 5 : 3);
    this.show();
  }

  slot(count) {
    while (this.slots.length > count) this.slots.pop().figure.remove();
    while (this.slots.length < count) this.slots.push(new Picture(this.pictures, this.slots.length));
  }

  // Draw everything that depends on the shown iteration.
  show() {
    const { data, frames } = this;
    const frame = frames.at(this.step);
    const { label, range } = this.scrub;
    range.value = this.step;
    const step = data.steps[frame]; // numbers and pictures belong to the same iterate
    const kept = data.best && step === data.best && !data.live ? " · kept" : "";
    label.textContent = data.idle ? "not started" : `iteration ${step} / ${data.total}${kept}`;
    range.setAttribute("aria-valuetext", label.textContent);
    for (const panel of this.panels) panel.mark(step);
    if (data.kind === "reconstruction") this.showReconstruction(frames, frame);
    else this.showClassification(frames, frame);
  }

  showClassification(frames, frame) {
    const { data } = this;
    const best = (p) => p.indexOf(Math.max(...p));
    const said = (p) => `${data.classes[best(p)]} ${percent(Math.max(...p))}`;
    this.paint(0, "Original x", frames.original, `model: ${said(data.probs0)}`);
    this.paint(1, "Adversarial x̃", frames.adversarial(frame), `model: ${said(data.probs[frame])}`);
    this.perturbation(2, frames, frame);
    this.bars.update("Prediction of the model", classRows(data, frame), ["x", "x̃"]);
  }

  showReconstruction(frames, frame) {
    const { data } = this;
    this.paint(0, "Original x", frames.original, "what went in");
    this.paint(1, "Rebuilt Φ(x)", (i) => frames.reconstructed[i], `‖x − Φ(x)‖² = ${number(data.loss0)}`);
    this.paint(2, "Adversarial x̃", frames.adversarial(frame), "x + δ");
    this.paint(3, "Rebuilt Φ(x̃)", frames.rebuilt(frame), `‖x − Φ(x̃)‖² = ${number(data.losses[frame])}`);
    this.perturbation(4, frames, frame);
    this.bars.update("Reconstruction error against x", lossRows(data, frame), ["", ""]);
  }

  paint(slot, title, value, note) {
    this.slots[slot].paint(this.frames.shape, value, null);
    this.slots[slot].say(title, note, `${title}, ${note}`);
  }

  perturbation(slot, frames, frame) {
    this.slots[slot].paint(frames.shape, null, frames.perturbation(frame, this.gain));
    this.slots[slot].sayGain(`Perturbation δ, ×${this.gain}`, this.gain);
  }

  walk(step) {
    if (this.data.live || this.data.idle) return;
    this.stop();
    this.go(step);
  }

  go(step) {
    this.place(step);
    window.dispatchEvent(new CustomEvent("advmi-step", { detail: { from: this, step: this.step } }));
  }

  place(step) {
    this.step = Math.round(Math.max(1, Math.min(this.data.total, step)));
    this.show();
  }

  // To the neighbouring recorded iteration.
  hop(by) {
    const { steps } = this.data;
    const at = this.frames.at(this.step) + by;
    this.walk(steps[Math.max(0, Math.min(steps.length - 1, at))]);
  }

  toggle() {
    if (this.playing) return this.stop();
    const { steps } = this.data;
    let at = this.frames.at(this.step);
    if (at >= steps.length - 1) at = -1;
    this.scrub.play.textContent = "❚❚";
    this.playing = setInterval(() => {
      at += 1;
      this.go(steps[at]);
      if (at >= steps.length - 1) this.stop();
    }, Math.max(33, 4000 / steps.length));
    return null;
  }

  stop() {
    if (this.playing) clearInterval(this.playing);
    this.playing = null;
    this.scrub.play.textContent = "▶";
  }
}

const stages = new WeakMap();

export default function ({ data, parentElement }) {
  if (!stages.has(parentElement)) stages.set(parentElement, new Stage(parentElement));
  const stage = stages.get(parentElement);
  stage.take(JSON.parse(data));
  // The frame may call this between two messages as well: only a stage that left the page ends.
  return () =>
    setTimeout(() => {
      if (parentElement.isConnected) return;
      stage.stop();
      stage.watcher.disconnect();
      window.removeEventListener("advmi-step", stage.follow);
    });
}

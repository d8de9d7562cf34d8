// What mutual information is: drag a signal and a noise, and see how much of the one survives the other.

const bump = ({ centre, distance }) => centre + distance / 2;
const SHOULDER = Math.sqrt(2 * Math.log(2)); // where a bump has half its height, in widths
const ROOM = GRID - 1;

const SIGNAL_HANDLES = [
  { id: "centre", label: "Centre of the signal X", word: "centre", ink: "x", step: 0.5, pull: 1, floor: true, at: (v) => v.centre, low: (v) => v.distance / 2, high: (v) => ROOM - v.distance / 2 },
  { id: "distance", label: "Distance of the two bumps of the signal X", word: "distance", ink: "x", step: 1, pull: 2, at: bump, low: () => 0, high: (v) => 2 * Math.min(v.centre, ROOM - v.centre) },
  { id: "width", label: "Width of the signal X", word: "width", ink: "x", step: 0.25, pull: 1 / SHOULDER, at: (v) => Math.min(ROOM, bump(v) + SHOULDER * v.width), low: () => 0.5, high: () => 16 },
];
const NOISE_HANDLES = [
  { id: "noise", label: "Width of the noise N", word: "width", ink: "n", step: 0.25, pull: 1 / SHOULDER, at: (v) => SHOULDER * v.noise, low: () => 0, high: () => 8 },
];
const DENSITIES = [
  { id: "x", title: "X", note: "the signal: what was sent", ink: "x", first: 0, ends: [0, 32, 63] },
  { id: "n", title: "N", note: "the noise: what is added", ink: "n", first: -REACH, ends: [-24, 0, 24] },
  { id: "z", title: "Z = X + N", note: "what arrives (dotted: X)", ink: "z", first: -REACH, ends: [-24, 0, 32, 63, 87] },
];
const PRESETS = [
  ["One signal", { centre: 32, distance: 0, width: 8, noise: 3 }],
  ["Two classes", { centre: 32, distance: 32, width: 3, noise: 3 }],
  ["No noise", { centre: 32, distance: 32, width: 3, noise: 0 }],
  ["Drowned", { centre: 32, distance: 6, width: 1.5, noise: 8 }],
];

class Picture {
  constructor(host, values, send) {
    Object.assign(this, { values: { ...values }, send });
    this.root = make("div", { class: "mi" }, host);
    this.probe = make("div", { class: "probe", "aria-hidden": "true" }, this.root); // resolves the style's height
    this.presets();
    const columns = make("div", { class: "columns" }, this.root);
    this.left = make("div", { class: "column" }, columns);
    this.right = make("div", { class: "column" }, columns);
    const handles = { x: SIGNAL_HANDLES, n: NOISE_HANDLES, z: [] };
    this.densities = DENSITIES.map((kind) => new Density(this.left, kind, handles[kind.id], this));
    this.joint = new Joint(this.right, this);
    this.circles = new Circles(this.right, this);
    this.numbers = make("div", { class: "numbers", role: "status", "aria-live": "off" }, this.root);
    this.watcher = new ResizeObserver(() => this.redraw());
    this.watcher.observe(this.root);
  }

  presets() {
    const row = make("div", { class: "presets", role: "group", "aria-label": "Examples" }, this.root);
    make("span", {}, row, "Examples");
    for (const [name, values] of PRESETS) {
      make("button", { type: "button" }, row, name).onclick = () => {
        this.values = { ...values };
        this.redraw();
        this.report();
      };
    }
    make("span", { class: "hint" }, row, "drag a round handle, or focus it and use the arrow keys");
  }

  change(kind, wanted) {
    const stepped = Math.round(wanted / kind.step) * kind.step;
    this.values[kind.id] = Math.min(kind.high(this.values), Math.max(kind.low(this.values), stepped));
    this.redraw();
  }

  // Tell the server, for the link, when the hand has come to rest.
  report() {
    clearTimeout(this.pending);
    this.pending = setTimeout(() => this.send({ ...this.values }), 250);
  }

  redraw() {
    markTheme(this.root, this.root);
    const width = Math.max(240, this.left.clientWidth);
    this.panel = { width, height: this.probe.clientHeight || 110 };
    this.venn = { width: Math.max(220, this.right.clientWidth), height: Math.round(1.55 * this.panel.height) };
    this.bin = (width - EDGE.left - EDGE.right) / SPAN;
    const now = channel(this.values);
    const [x, n, z] = this.densities;
    const nats = (h, name) => `H(${name}) = ${number(h)} nats`;
    x.update(now.px, null, nats(now.hx, "X"), this.values);
    n.update(now.pn, null, nats(now.hn, "N"), this.values);
    z.update(now.pz, { p: now.px, first: 0 }, nats(now.hz, "Z"), this.values);
    this.joint.update(now);
    this.circles.update(now);
    this.say(now);
  }

  say({ hx, hz, hn, information }) {
    const share = hx > 0 ? `${Math.round((100 * information) / hx)} %` : "–";
    const shown = [
      ["H(X)", hx, "x"], ["H(Z)", hz, "z"], ["H(Z|X) = H(N)", hn, "n"], ["H(X|Z) lost", hx - information, ""],
      ["I(X;Z) = H(Z) − H(Z|X)", information, "i"],
    ];
    this.numbers.replaceChildren();
    for (const [name, value, id] of shown) {
      const item = make("span", { class: "number" }, this.numbers);
      make("small", {}, item, name);
      make("b", { "data-number": id || "lost" }, item, `${number(Math.max(0, value))} nats`);
    }
    const item = make("span", { class: "number" }, this.numbers);
    make("small", {}, item, "I / H(X): of X survives");
    make("b", { "data-number": "share" }, item, share);
  }
}

const pictures = new WeakMap();

export default function ({ data, parentElement, setStateValue }) {
  if (!pictures.has(parentElement)) {
    pictures.set(parentElement, new Picture(parentElement, data.values, (values) => setStateValue("dragged", values)));
  }
  const picture = pictures.get(parentElement);
  picture.root.classList.toggle("large", data.large);
  picture.redraw();
  // The frame may call this between two messages as well: only a picture that left the page ends.
  return () =>
    setTimeout(() => {
      if (!parentElement.isConnected) picture.watcher.disconnect();
    });
}

// The joint distribution as a heat map, and entropies as the areas of two circles.

class Joint {
  constructor(parent, owner) {
    this.owner = owner;
    this.box = make("figure", { class: "joint" }, parent);
    const head = make("figcaption", {}, this.box);
    this.title = make("b", {}, head);
    const choice = make("span", { class: "switch", role: "group", "aria-label": "Which pairs" }, head);
    this.buttons = [["joint", "as they come"], ["product", "shuffled"]].map(([mode, text]) => {
      const button = make("button", { type: "button" }, choice, text);
      button.onclick = () => this.show(mode);
      return [mode, button];
    });
    const frame = make("div", { class: "frame" }, this.box);
    make("span", { class: "side" }, frame, "x");
    this.canvas = make("canvas", { width: SPAN, height: GRID, role: "img" }, frame);
    const foot = make("div", { class: "foot" }, this.box);
    for (const text of ["−24", "z", "87"]) make("span", {}, foot, text);
    this.scale = make("div", { class: "range" }, this.box);
    make("span", {}, this.scale, "0");
    make("i", {}, this.scale);
    this.most = make("span", {}, this.scale);
    this.mode = "joint";
  }

  show(mode) {
    this.mode = mode;
    this.owner.redraw();
  }

  update({ px, pn, pz, information }) {
    const joint = this.mode === "joint";
    const p = (x, z) => (joint ? px[x] * (pn[z - x] ?? 0) : px[x] * pz[z]);
    const top = joint ? Math.max(...px) * Math.max(...pn) : Math.max(...px) * Math.max(...pz);
    const context = this.canvas.getContext("2d");
    const image = context.createImageData(SPAN, GRID);
    for (let x = 0; x < GRID; x += 1) {
      for (let z = 0; z < SPAN; z += 1) {
        // The ink is fixed and its strength the probability, so that one picture suits both themes.
        image.data.set([47, 143, 203, 255 * Math.sqrt(p(x, z) / top)], 4 * ((GRID - 1 - x) * SPAN + z));
      }
    }
    context.putImageData(image, 0, 0);
    this.title.textContent = joint ? "Pairs p(x, z)" : "Pairs p(x) · p(z)";
    this.most.textContent = `${number(top)} (root scale)`;
    for (const [mode, button] of this.buttons) button.setAttribute("aria-pressed", mode === this.mode);
    const said = joint ? "The joint distribution of x and z" : "What the joint distribution would be if z did not depend on x";
    this.canvas.setAttribute("aria-label", `${said}; the two differ by ${number(information)} nats`);
  }
}

class Circles {
  constructor(parent, owner) {
    this.owner = owner;
    this.box = make("figure", { class: "circles" }, parent);
    make("figcaption", {}, this.box).innerHTML = "<b>Entropies as areas</b><span>overlap: what Z tells about X</span>";
    this.svg = draw("svg", { role: "img" }, this.box);
  }

  update({ hx, hz, information }) {
    const { width, height } = this.owner.venn;
    this.svg.style.height = `${height}px`;
    this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.svg.replaceChildren();
    this.patterns();
    // The largest entropies that can be dragged fit; the scale stays, so that areas compare over time.
    const unit = Math.min(width / 4.4, height / 2.56);
    const [r, s] = [hx, hz].map((h) => unit * Math.sqrt(h / Math.PI));
    const apart = apartFor(r, s, information * unit * unit);
    const left = (width - (r + apart + s)) / 2 + r;
    const [x, z, y] = [left, left + apart, height / 2 + 6];
    for (const [id, at, radius] of [["x", x, r], ["z", z, s]]) {
      draw("circle", { class: `disc ink-${id}`, cx: at, cy: y, r: radius, fill: `url(#hatch-${id})` }, this.svg);
    }
    this.overlap(x, r, z, s, y);
    const label = (cls, at, anchor, text) => draw("text", { class: cls, x: at, y: 14, "text-anchor": anchor }, this.svg, text);
    label("name ink-x", Math.max(4, x - r), "start", `H(X) ${number(hx)}`);
    label("name ink-z", Math.min(width - 4, z + s), "end", `H(Z) ${number(hz)}`);
    const middle = (Math.max(x - r, z - s) + Math.min(x + r, z + s)) / 2;
    const tag = draw("text", { class: "shared", x: middle, y: y + 5, "text-anchor": "middle" }, this.svg, `I ${number(information)}`);
    tag.setAttribute("data-information", information);
    this.svg.setAttribute("aria-label", `Two overlapping circles: H(X) ${number(hx)}, H(Z) ${number(hz)}, overlap I ${number(information)} nats`);
  }

  overlap(x, r, z, s, y) {
    if (z - x <= Math.abs(r - s)) {
      const [at, radius] = r <= s ? [x, r] : [z, s];
      draw("circle", { class: "lens", cx: at, cy: y, r: radius }, this.svg);
      return;
    }
    const across = (r * r - s * s + (z - x) ** 2) / (2 * (z - x));
    const rise = Math.sqrt(Math.max(0, r * r - across * across));
    const far = (reach) => (reach < 0 ? 1 : 0); // the larger arc, once a centre lies inside the lens
    const d = `M${x + across},${y - rise} A${r},${r} 0 ${far(across)} 1 ${x + across},${y + rise} A${s},${s} 0 ${far(z - x - across)} 1 ${x + across},${y - rise}`;
    draw("path", { class: "lens", d }, this.svg);
  }

  patterns() {
    const defs = draw("defs", {}, this.svg);
    for (const [id, angle] of [["x", 45], ["z", -45]]) {
      const pattern = draw("pattern", { id: `hatch-${id}`, width: 7, height: 7, patternUnits: "userSpaceOnUse", patternTransform: `rotate(${angle})` }, defs);
      draw("line", { class: `stroke-${id}`, x1: 0, y1: 0, x2: 0, y2: 7 }, pattern);
    }
  }
}

// Paired bars: the upper, hatched one is before the attack, the lower, solid one is the shown iterate.

class Bars {
  constructor(parent) {
    this.box = make("div", { class: "bars" }, parent);
    this.head = make("div", { class: "bars-head" }, this.box);
    this.rows = make("div", { class: "bars-rows" }, this.box);
    this.names = "";
  }

  // rows: [{name, tag, before, after, text}], values already in 0…1 of the full width.
  update(title, rows, legend) {
    const names = JSON.stringify([title, rows.map((row) => [row.name, row.tag])]);
    if (names !== this.names) this.build(title, rows, legend);
    this.names = names;
    rows.forEach((row, i) => {
      const parts = this.parts[i];
      parts.before.style.width = `${(100 * row.before).toFixed(1)}%`;
      parts.after.style.width = `${(100 * row.after).toFixed(1)}%`;
      parts.text.textContent = row.text;
      parts.row.classList.toggle("top", row.top === true);
      parts.row.setAttribute("aria-label", row.label);
    });
  }

  build(title, rows, legend) {
    this.head.replaceChildren();
    make("span", { class: "bars-title" }, this.head, title);
    make("span", { class: "key key-before" }, this.head, legend[0]);
    make("span", { class: "key key-after" }, this.head, legend[1]);
    this.rows.replaceChildren();
    this.parts = rows.map((row) => this.row(row));
  }

  row(data) {
    const row = make("div", { class: "bar-row", role: "img" }, this.rows);
    const name = make("span", { class: "bar-name" }, row, data.name);
    if (data.tag) make("span", { class: `tag tag-${data.tag}` }, name, data.tag);
    const track = make("span", { class: "bar-track" }, row);
    const before = make("span", { class: "bar before" }, track);
    const after = make("span", { class: `bar after ${data.tag || ""}` }, track);
    const text = make("span", { class: "bar-text" }, row);
    return { row, before, after, text };
  }
}

const percent = (p) => (p > 0 && p < 0.005 ? "<1 %" : `${Math.round(100 * p)} %`);

// All classes of a classifier; of many, the eight that matter most in either picture.
function classRows(data, frame) {
  const now = data.probs[frame];
  let shown = data.classes.map((_, i) => i);
  if (data.many) {
    const weight = (i) => Math.max(data.probs0[i], ...data.probs.map((p) => p[i])) + (i === data.truth ? 2 : 0) + (i === data.target ? 1 : 0);
    shown = shown.sort((a, b) => weight(b) - weight(a)).slice(0, 8).sort((a, b) => a - b);
  }
  const best = now.indexOf(Math.max(...now));
  return shown.map((i) => ({
    name: data.classes[i],
    tag: i === data.truth ? data.truth_tag : i === data.target ? "target" : "",
    before: data.probs0[i],
    after: now[i],
    top: i === best,
    text: percent(now[i]),
    label: `${data.classes[i]}: before ${percent(data.probs0[i])}, now ${percent(now[i])}`,
  }));
}

// The two reconstruction errors of an autoencoder against the same original x.
function lossRows(data, frame) {
  // A fixed scale around the error of x itself: far outliers of early iterates would flatten the comparison.
  const most = 2.5 * data.loss0 || 1;
  const row = (name, tag, value) => ({
    name, tag, before: 0, after: Math.min(1, value / most), text: number(value), label: `${name}: ${number(value)}`,
  });
  return [row("‖x − Φ(x)‖²", "", data.loss0), row("‖x − Φ(x̃)‖²", "shown", data.losses[frame])];
}

// Pictures: bytes sent once, painted here, so that walking through iterations never asks the server.
// Small ones come as their pixels, photographs as files, which a browser decodes in its own time.

const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
const signed = (text) => new Int8Array(bytes(text).buffer);

// Diverging colours for a signed value in [-1, 1]: blue – near white – vermilion (Okabe–Ito).
function diverging(v) {
  const t = Math.max(-1, Math.min(1, v));
  const end = t < 0 ? [0, 114, 178] : [213, 94, 0];
  const a = Math.abs(t);
  return [0, 1, 2].map((i) => Math.round(247 + (end[i] - 247) * a));
}

class Picture {
  constructor(parent, id) {
    this.figure = make("figure", { class: "picture", "data-picture": id }, parent);
    this.title = make("figcaption", { class: "picture-title" }, this.figure);
    this.canvas = make("canvas", { role: "img" }, this.figure);
    this.note = make("div", { class: "picture-note" }, this.figure);
  }

  // colour(pixel, channel) → 0…255 for grey or RGB images; rgb(pixel) → [r,g,b] overrides it.
  paint([channels, height, width], value, rgb) {
    const canvas = this.canvas;
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    const context = canvas.getContext("2d");
    const image = context.createImageData(width, height);
    for (let pixel = 0; pixel < width * height; pixel += 1) {
      const colour = rgb ? rgb(pixel) : null;
      for (let i = 0; i < 3; i += 1) {
        image.data[4 * pixel + i] = colour ? colour[i] : value(pixel * channels + (channels === 3 ? i : 0));
      }
      image.data[4 * pixel + 3] = 255;
    }
    context.putImageData(image, 0, 0);
  }

  say(title, note, alt) {
    this.title.textContent = title;
    this.note.textContent = note;
    this.canvas.setAttribute("aria-label", alt || title);
  }

  // For a signed picture: what the ends of its colours stand for.
  sayGain(title, gain) {
    const end = number(1 / gain);
    this.figure.classList.add("signed");
    this.say(title, "", `Perturbation shown with gain ${gain}, from minus to plus ${end}`);
    this.note.replaceChildren();
    make("span", {}, this.note, `−${end}`);
    make("span", { class: "scale" }, this.note);
    make("span", {}, this.note, `+${end}`);
  }
}

// The pixels of a file, channel after channel of each.
async function decoded(url, [channels, height, width]) {
  const picture = new Image();
  picture.src = url;
  await picture.decode();
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(picture, 0, 0);
  const seen = context.getImageData(0, 0, width, height).data;
  const values = new Uint8Array(channels * height * width);
  for (let pixel = 0; pixel < height * width; pixel += 1) {
    for (let i = 0; i < channels; i += 1) values[pixel * channels + i] = seen[4 * pixel + i];
  }
  return values;
}

async function allDecoded(urls, shape) {
  const parts = await Promise.all(urls.map((url) => decoded(url, shape)));
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  parts.reduce((at, part) => (all.set(part, at), at + part.length), 0);
  return all;
}

const isFiles = (data) => Array.isArray(data.delta);

// The arrays of a message whose pictures are files.
async function arrays(data) {
  const [x, delta, rebuilt, of] = await Promise.all([
    decoded(data.x, data.shape),
    allDecoded(data.delta, data.shape),
    data.reconstructed ? decoded(data.reconstructed, data.shape) : null,
    data.reconstruction ? allDecoded(data.reconstruction, data.shape) : null,
  ]);
  return { x, delta: Int8Array.from(delta, (value) => value - data.levels), reconstructed: rebuilt, reconstruction: of };
}

// The arrays of one run, decoded once per message.
class Frames {
  constructor(data, pixels = null) {
    this.shape = data.shape;
    this.size = data.shape[0] * data.shape[1] * data.shape[2];
    this.steps = data.steps;
    this.scale = data.scale;
    this.levels = data.levels;
    Object.assign(this, pixels || {
      x: bytes(data.x),
      delta: signed(data.delta),
      reconstruction: data.reconstruction ? bytes(data.reconstruction) : null,
      reconstructed: data.reconstructed ? bytes(data.reconstructed) : null,
    });
  }

  change(frame, index) {
    return (this.delta[frame * this.size + index] / this.levels) * this.scale;
  }

  original = (index) => this.x[index];

  adversarial = (frame) => (index) => this.x[index] + 255 * this.change(frame, index);

  perturbation = (frame, gain) => (pixel) => {
    const channels = this.shape[0];
    let sum = 0;
    for (let i = 0; i < channels; i += 1) sum += this.change(frame, pixel * channels + i);
    return diverging((gain * sum) / channels);
  };

  rebuilt = (frame) => (index) => this.reconstruction[frame * this.size + index];

  // The frame whose step is nearest to the wanted one.
  at(step) {
    let best = 0;
    for (let i = 1; i < this.steps.length; i += 1) {
      if (Math.abs(this.steps[i] - step) <= Math.abs(this.steps[best] - step)) best = i;
    }
    return best;
  }
}

// Pictures: bytes sent once, painted here, so that walking through iterations never asks the server.

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

// The arrays of one run, decoded once per message.
class Frames {
  constructor(data) {
    this.shape = data.shape;
    this.size = data.shape[0] * data.shape[1] * data.shape[2];
    this.x = bytes(data.x);
    this.steps = data.steps;
    this.scale = data.scale;
    this.delta = signed(data.delta);
    this.reconstruction = data.reconstruction ? bytes(data.reconstruction) : null;
    this.reconstructed = data.reconstructed ? bytes(data.reconstructed) : null;
  }

  change(frame, index) {
    return (this.delta[frame * this.size + index] / 127) * this.scale;
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

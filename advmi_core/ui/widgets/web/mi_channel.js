// The arithmetic of the picture: a signal X on a grid, noise N on whole offsets, Z = X + N. All sums are exact.

const GRID = 64; // values of X
const REACH = 24; // the noise moves a value by at most so many bins
const SPAN = GRID + 2 * REACH; // values of Z

function normalised(weights) {
  const sum = weights.reduce((a, b) => a + b, 0);
  return weights.map((w) => w / sum);
}

function gauss(at, width) {
  return Math.exp(-(at * at) / (2 * width * width));
}

// p(x) for x = 0…63: one bump, or two that are `distance` apart.
function signal({ centre, distance, width }) {
  const [a, b] = [centre - distance / 2, centre + distance / 2];
  return normalised(Array.from({ length: GRID }, (_, x) => gauss(x - a, width) + gauss(x - b, width)));
}

// p(n) for n = −24…24; no noise is all weight on 0.
function noise({ noise: width }) {
  return normalised(Array.from({ length: 2 * REACH + 1 }, (_, i) => (width === 0 ? Number(i === REACH) : gauss(i - REACH, width))));
}

// p(z) for z = −24…87.
function arrived(px, pn) {
  const pz = new Array(SPAN).fill(0);
  px.forEach((p, x) => pn.forEach((q, i) => (pz[x + i] += p * q)));
  return pz;
}

function entropy(p) {
  return p.reduce((sum, q) => (q > 0 ? sum - q * Math.log(q) : sum), 0);
}

// Everything that is shown, from the four numbers that can be dragged.
function channel(values) {
  const [px, pn] = [signal(values), noise(values)];
  const pz = arrived(px, pn);
  const [hx, hn, hz] = [px, pn, pz].map(entropy);
  // The noise does not care about X, so H(Z|X) = H(N); rounding must not leave the range of I.
  const information = Math.min(hx, Math.max(0, hz - hn));
  return { px, pn, pz, hx, hn, hz, information };
}

// Area that two circles share, `apart` their centres' distance.
function lens(r, s, apart) {
  if (apart >= r + s) return 0;
  if (apart <= Math.abs(r - s)) return Math.PI * Math.min(r, s) ** 2;
  const part = (a, b) => {
    const angle = Math.acos(Math.min(1, Math.max(-1, (apart * apart + a * a - b * b) / (2 * apart * a))));
    return a * a * (angle - Math.sin(2 * angle) / 2);
  };
  return part(r, s) + part(s, r);
}

// How far apart two circles are that share this area.
function apartFor(r, s, area) {
  let [near, far] = [Math.abs(r - s), r + s];
  for (let i = 0; i < 50; i += 1) {
    const middle = (near + far) / 2;
    if (lens(r, s, middle) > area) near = middle;
    else far = middle;
  }
  return (near + far) / 2;
}

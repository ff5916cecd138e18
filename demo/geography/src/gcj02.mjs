// GCJ-02 is defined by a forward formula only; the way back is found by iteration.

const AXIS_M = 6378245;
const ECC2 = 0.00669342162296594323;

function wave(v, parts) {
  return parts.reduce((sum, [amplitude, turns]) => sum + amplitude * Math.sin(v * Math.PI * turns), 0);
}

export function toGcj02([lon, lat]) {
  const x = lon - 105;
  const y = lat - 35;
  const common = wave(x, [[20, 6], [20, 2]]);
  const north =
    -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * Math.sqrt(Math.abs(x)) +
    (2 / 3) * (common + wave(y, [[20, 1], [40, 1 / 3], [160, 1 / 12], [320, 1 / 30]]));
  const east =
    300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * Math.sqrt(Math.abs(x)) +
    (2 / 3) * (common + wave(x, [[20, 1], [40, 1 / 3], [150, 1 / 12], [300, 1 / 30]]));
  const phi = (lat * Math.PI) / 180;
  const w2 = 1 - ECC2 * Math.sin(phi) ** 2;
  const meridian_m = (AXIS_M * (1 - ECC2)) / (w2 * Math.sqrt(w2));
  const parallel_m = (AXIS_M / Math.sqrt(w2)) * Math.cos(phi);
  return [
    lon + (east * 180) / (parallel_m * Math.PI),
    lat + (north * 180) / (meridian_m * Math.PI),
  ];
}

// Each step moves the guess by what is left of the error; the shift varies so slowly that a
// handful of steps reach the last bit that matters (1e-10 degree is 0.01 mm).
export function fromGcj02([lon, lat]) {
  let guess = [lon, lat];
  for (let step = 0; step < 12; step++) {
    const [shiftedLon, shiftedLat] = toGcj02(guess);
    const left = [lon - shiftedLon, lat - shiftedLat];
    guess = [guess[0] + left[0], guess[1] + left[1]];
    if (Math.abs(left[0]) < 1e-10 && Math.abs(left[1]) < 1e-10) break;
  }
  return guess;
}

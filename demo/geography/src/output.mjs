// GeoJSON files of features that carry the columns every record has.

import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const EPOCH_MS = Date.UTC(2026, 0, 1);

// Derived from the record's key, so that importing a rebuilt file finds the same records again.
export function uidOf(layer, key) {
  const random = createHash('sha256').update(`${layer}\n${key}`).digest();
  const bytes = Buffer.alloc(16);
  bytes.writeUIntBE(EPOCH_MS, 0, 6);
  random.copy(bytes, 6, 0, 10);
  bytes[6] = 0x70 | (bytes[6] & 0x0f);
  bytes[8] = 0x80 | (bytes[8] & 0x3f);
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

export function feature(layer, key, areaCode, geometry, properties) {
  return {
    type: 'Feature',
    properties: { uid: uidOf(layer, key), owner_org: 'demo', area_code: areaCode, ...properties },
    geometry,
  };
}

export async function writeGeoJson(dir, name, features) {
  const head = {
    type: 'FeatureCollection',
    name,
    crs: { type: 'name', properties: { name: 'urn:ogc:def:crs:EPSG::4490' } },
  };
  const opening = JSON.stringify(head).slice(0, -1);
  const lines = features.map((f) => JSON.stringify(f)).join(',\n');
  await writeFile(join(dir, `${name}.geojson`), `${opening},"features":[\n${lines}\n]}\n`);
}

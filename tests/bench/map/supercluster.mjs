// Tiles of supercluster over the points that bench_map wrote: float64 longitude, latitude, kind each.
//   node supercluster.mjs POINTS ADDRESSES      ADDRESSES: lines "zoom column row", grouped by zoom
import {readFileSync} from "node:fs";
import Supercluster from "supercluster";

const data = readFileSync(process.argv[2]);
const values = new Float64Array(data.buffer, data.byteOffset, data.length / 8);
const features = [];
for (let i = 0; i < values.length; i += 3) {
  features.push({type: "Feature", properties: {kind: values[i + 2]},
                 geometry: {type: "Point", coordinates: [values[i], values[i + 1]]}});
}
const kinds = 8;
const start = process.cpuUsage();
const index = new Supercluster({
  maxZoom: 13, radius: 64, extent: 4096,
  map: p => ({counts: Array.from({length: kinds}, (_, k) => (k === p.kind ? 1 : 0))}),
  reduce: (into, from) => { into.counts = into.counts.map((n, k) => n + from.counts[k]); },
});
index.load(features);
const used = process.cpuUsage(start);
console.log(`supercluster: ${features.length} points loaded in ${((used.user + used.system) / 1000).toFixed(0)} ms CPU, ` +
            `resident ${(process.memoryUsage().rss / 1e6).toFixed(0)} MB`);
const byZoom = new Map();
for (const line of readFileSync(process.argv[3], "utf8").trim().split("\n")) {
  const [z, x, y] = line.split(" ").map(Number);
  const begin = process.hrtime.bigint();
  index.getTile(z, x, y);
  const ms = Number(process.hrtime.bigint() - begin) / 1e6;
  byZoom.set(z, [...(byZoom.get(z) ?? []), ms]);
}
for (const [z, list] of byZoom) {
  list.sort((a, b) => a - b);
  console.log(`supercluster z ${z}: ${list[list.length >> 1].toFixed(3)} ms, not encoded`);
}

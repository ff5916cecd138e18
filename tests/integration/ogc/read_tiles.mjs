// read_tiles.mjs FILE... -- what @mapbox/vector-tile reads out of tiles, a line of JSON each: name of layer ->
// [{id, type, tags, paths, polygons}]. `polygons`: how many outer rings its classification finds, -1 if a ring comes
// before any outer one or lies outside of its own by winding.
import { readFileSync } from "node:fs";
import { classifyRings, VectorTile } from "@mapbox/vector-tile";
import Pbf from "pbf";

for (const file of process.argv.slice(2)) {
  const { layers } = new VectorTile(new Pbf(Uint8Array.from(readFileSync(file))));
  const told = {};
  for (const [name, layer] of Object.entries(layers)) {
    told[name] = Array.from({ length: layer.length }, (_, i) => {
      const feature = layer.feature(i);
      const rings = feature.loadGeometry();
      const polygons = feature.type === 3 ? classifyRings(rings) : [];
      const kept = polygons.reduce((sum, polygon) => sum + polygon.length, 0);
      return {
        id: feature.id ?? null,
        type: feature.type,
        tags: feature.properties,
        paths: rings.map((ring) => ring.map((p) => [p.x, p.y])),
        polygons: feature.type === 3 && kept !== rings.length ? -1 : polygons.length,
      };
    });
  }
  console.log(JSON.stringify(told));
}

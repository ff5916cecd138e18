// Land polygons out of the binned GSHHG coastline that Debian ships for GMT.
//
// The file cuts every polygon at the edges of square bins. A segment holds the polygon's number,
// its level (1 = land in the sea) and points relative to the south-west corner of its bin, on a
// lattice of 65535 steps whose last step is the first of the next bin. So a polygon comes back by
// joining segments of one number end to start on the lattice of the whole globe.

import h5wasm from 'h5wasm/node';

const STEPS = 65535;
const LAND = 1;

function bitFields(info) {
  return { points: info >>> 9, level: (info >> 6) & 7, closed: ((info >> 3) & 7) === 4 };
}

function binsTouching([west, south, east, north], binDeg, columns) {
  const bins = [];
  for (let row = Math.floor((90 - north) / binDeg); row <= Math.floor((90 - south) / binDeg); row++)
    for (let col = Math.floor(west / binDeg); col <= Math.floor(east / binDeg); col++)
      bins.push({ row, col, index: row * columns + col });
  return bins;
}

// Joins open segments; what does not close inside the box (the mainland) is dropped.
function joinSegments(segments) {
  const byStart = new Map();
  for (const s of segments) byStart.set(`${s.id}/${s.points[0]}`, s);
  const rings = [];
  const used = new Set();
  for (const first of segments) {
    if (used.has(first)) continue;
    const ring = [];
    let next = first;
    while (next && !used.has(next)) {
      used.add(next);
      ring.push(...next.points.slice(ring.length ? 1 : 0));
      next = byStart.get(`${next.id}/${next.points[next.points.length - 1]}`);
    }
    if (next === first) rings.push({ id: first.id, points: ring });
  }
  return rings;
}

export async function landPolygons(path, box) {
  await h5wasm.ready;
  const file = new h5wasm.File(path, 'r');
  const all = (name) => {
    const set = file.get(name);
    if (!set) throw new Error(`${path}: no variable ${name}; expected a binned GSHHG 2.3 file`);
    return set.value;
  };
  const binDeg = all('Bin_size_in_minutes')[0] / 60;
  const columns = all('N_bins_in_360_longitude_range')[0];
  const rows = all('N_bins_in_180_degree_latitude_range')[0];
  const firstSegment = all('Id_of_first_segment_in_a_bin');
  const segmentCount = all('N_segments_in_a_bin');
  const info = all('Embedded_npts_levels_exit_entry_for_a_segment');
  const firstPoint = all('Id_of_first_point_in_a_segment');
  const polygonId = all('Id_of_GSHHS_ID');
  const lonSteps = file.get('Relative_longitude_from_SW_corner_of_bin');
  const latSteps = file.get('Relative_latitude_from_SW_corner_of_bin');

  const open = [];
  const rings = [];
  for (const bin of binsTouching(box, binDeg, columns)) {
    const from = firstSegment[bin.index];
    for (let s = from; s < from + segmentCount[bin.index]; s++) {
      const { points: count, level, closed } = bitFields(info[s]);
      if (level !== LAND || count < 2) continue;
      const range = [[firstPoint[s], firstPoint[s] + count]];
      const lons = lonSteps.slice(range);
      const lats = latSteps.slice(range);
      const points = Array.from(lons, (x, i) => [
        bin.col * STEPS + (x & 0xffff),
        (rows - 1 - bin.row) * STEPS + (lats[i] & 0xffff),
      ]);
      (closed ? rings : open).push({ id: polygonId[s], points });
    }
  }
  file.close();
  rings.push(...joinSegments(open));

  const [west, south, east, north] = box;
  const toDegrees = ([x, y]) => [(x / STEPS) * binDeg, (y / STEPS) * binDeg - 90];
  return rings
    .map(({ id, points }) => {
      const ring = points.map(toDegrees);
      const [a, b] = [ring[0], ring[ring.length - 1]];
      if (a[0] !== b[0] || a[1] !== b[1]) ring.push(ring[0]);
      return { id, ring };
    })
    .filter(
      ({ ring }) =>
        ring.length >= 4 &&
        ring.every(([x, y]) => x >= west && x <= east && y >= south && y <= north),
    );
}

export type Bounds = [west: number, south: number, east: number, north: number]

/** The island; 三沙 is in the inset. */
export const islandBounds: Bounds = [108.45, 18.05, 111.25, 20.25]
export const insetBounds: Bounds = [105, 2.5, 122, 23]

function grow(bounds: Bounds, coordinates: unknown): void {
  const list = coordinates as unknown[]
  if (typeof list[0] === 'number') {
    const [lon, lat] = list as number[]
    bounds[0] = Math.min(bounds[0], lon)
    bounds[1] = Math.min(bounds[1], lat)
    bounds[2] = Math.max(bounds[2], lon)
    bounds[3] = Math.max(bounds[3], lat)
  } else list.forEach((part) => grow(bounds, part))
}

/** The box around geometries; null when there is nothing in them. */
export function boundsOf(geometries: (GeoJSON.Geometry | null)[]): Bounds | null {
  const bounds: Bounds = [Infinity, Infinity, -Infinity, -Infinity]
  for (const geometry of geometries) {
    if (geometry && geometry.type !== 'GeometryCollection') grow(bounds, geometry.coordinates)
  }
  return bounds[0] <= bounds[2] ? bounds : null
}

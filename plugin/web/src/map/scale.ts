// A bar that stands for a round length on the ground.
const CIRCUMFERENCE_M = 40075016.686 // of the Web Mercator sphere's equator
const TILE_PX = 512

/** Metres on the ground under one CSS pixel at a latitude, in Web Mercator. */
export function metresPerPx(lat: number, zoom: number): number {
  return (CIRCUMFERENCE_M * Math.cos((lat * Math.PI) / 180)) / (TILE_PX * 2 ** zoom)
}

export interface ScaleBar {
  label: string
  px: number
}

/** The longest of 1, 2, 5 × 10ⁿ metres that fits into `maxPx`. */
export function scaleBar(lat: number, zoom: number, maxPx: number): ScaleBar {
  const perPx = metresPerPx(lat, zoom)
  const most = perPx * maxPx
  const power = 10 ** Math.floor(Math.log10(most))
  const metres = [5, 2, 1].map((n) => n * power).find((m) => m <= most) ?? power
  return { label: metres < 1000 ? `${metres} m` : `${metres / 1000} km`, px: metres / perPx }
}

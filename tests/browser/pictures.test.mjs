// The host's pictures beside what the browser draws, from the same styles and tiles at the same view: the same markers
// in the same places, the same fills, the same labels. Both pictures stay in build/pictures/ for people to look at.
// Of the one-maps by day, and of two by night; with CIM_TEST_LONG of every layer and look, by day and by night.
import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { after, before, describe, it } from 'node:test'
import { launch, mapReady, openMap, test } from './lib.mjs'

const folder = new URL('../../build/pictures/', import.meta.url).pathname
const NEAR_PX = 1.5
const views = { island: [8.3, 19.4, 109.9], streets: [14.2, 20.025, 110.335] }
const themes = ['enterprises', 'vehicles', 'users', 'hazards', 'accidents']
const others = [
  'cameras', 'detectors', 'inspections', 'complaints', 'cases', 'emergency-resources', 'risk-elements', 'buildings',
  'planned-projects', 'control-lines', 'land-use', 'districts', 'places',
]

/** What to look at: a one-map, or one layer beside it; `look`: another style of the layer. */
const every = (list, looks, nights) => list.flatMap((what) => looks.flatMap((view) => nights.map((night) => ({ what, view, night }))))
const subjects = [
  ...every(themes, ['island', 'streets'], [false]),
  ...every(['users', 'hazards'], ['island'], [true]),
  ...(process.env.CIM_TEST_LONG
    ? [
        ...every(['enterprises', 'vehicles', 'accidents'], ['island'], [true]),
        ...every(themes, ['streets'], [true]),
        ...every(others, ['streets'], [false, true]),
        ...every(['end-users areas', 'hazards heat'], ['island'], [false, true]),
      ]
    : []),
]

/** Runs in the page: what the map shows, its picture, and the same from the host. */
async function compare({ night, looked }) {
  const EDGE_PX = 90
  const map = window.__lpgMap
  await new Promise((resolve) => {
    const done = () => (map.areTilesLoaded() && !map.isMoving() ? resolve() : map.once('idle', done))
    map.once('idle', done)
    map.triggerRepaint()
  })
  const canvas = map.getCanvas()
  const [width, height] = [canvas.clientWidth, canvas.clientHeight]
  const ours = map.getStyle().layers.filter((layer) => !layer.id.startsWith('cim:') && layer.layout?.visibility !== 'none')
  const styles = []
  for (const layer of ours) {
    const own = layer.id.startsWith('base:') ? 'basemap' : layer.source.replace(/^lpg\./, '')
    const style = (own === looked?.layer ? `${own}-${looked.look}` : own) + (night ? '-night' : '')
    if (!styles.includes(style)) styles.push(style)
  }
  const center = map.getCenter()
  const half = 20037508.342789244
  const res = (2 * half) / (512 * 2 ** map.getZoom())
  const x = (center.lng / 180) * half
  const y = (Math.asinh(Math.tan((center.lat * Math.PI) / 180)) / Math.PI) * half
  const box = [x - (res * width) / 2, y - (res * height) / 2, x + (res * width) / 2, y + (res * height) / 2]
  const address = `/map?styles=${styles}&bbox=${box.map((v) => v.toFixed(6))}&width=${width}&height=${height}` +
    '&bbox-crs=http%3A%2F%2Fwww.opengis.net%2Fdef%2Fcrs%2FEPSG%2F0%2F3857'
  const told = await fetch(`${address}&f=json`)
  const png = await fetch(`${address}&f=png`)
  if (!told.ok || !png.ok) throw new Error(`${address}: ${told.status} ${png.status} ${await told.text()}`)
  const { drawn } = await told.json()
  const blob = await png.blob()

  const inside = (p) => p.x >= 0 && p.y >= 0 && p.x < width && p.y < height
  const plain = (id) => id.replace(/^base:/, '')
  const marks = []
  const labels = []
  for (const layer of ours.filter((each) => ['circle', 'symbol'].includes(each.type))) {
    // Of a label along a line the browser tells the line, not where on it: there only the inner part is asked for, so
    // that what begins at the edge does not count.
    const along = layer.layout?.['symbol-placement'] === 'line'
    const part = along ? [[EDGE_PX, EDGE_PX], [width - EDGE_PX, height - EDGE_PX]] : [[0, 0], [width, height]]
    for (const feature of map.queryRenderedFeatures(part, { layers: [layer.id] })) {
      const point = feature.geometry.type === 'Point' ? map.project(feature.geometry.coordinates) : null
      if (point && !inside(point)) continue
      const text = feature.layer.layout?.['text-field']
      const words = text?.sections ? text.sections.map((s) => s.text).join('') : String(text ?? '')
      const image = feature.layer.layout?.['icon-image']
      if (layer.type === 'circle' || image?.name || (typeof image === 'string' && image)) {
        marks.push({ layer: plain(layer.id), x: point.x, y: point.y })
      }
      if (layer.type === 'symbol' && words) labels.push({ layer: plain(layer.id), text: words, x: point?.x, y: point?.y })
    }
  }

  const pixelsOf = (source) => {
    const copy = new OffscreenCanvas(width, height)
    const ctx = copy.getContext('2d', { willReadFrequently: true })
    ctx.drawImage(source, 0, 0)
    return ctx.getImageData(0, 0, width, height).data
  }
  let page
  let shot
  await new Promise((resolve) => {
    map.once('render', () => {
      page = pixelsOf(canvas)
      shot = canvas.toDataURL('image/png')
      resolve()
    })
    map.triggerRepaint()
  })
  const picture = pixelsOf(await createImageBitmap(blob))

  const lab = (data, at) => {
    const linear = [0, 1, 2].map((k) => {
      const v = data[at + k] / 255
      return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4
    })
    const [r, g, b] = linear
    const xyz = [
      (0.4124564 * r + 0.3575761 * g + 0.1804375 * b) / 0.95047,
      0.2126729 * r + 0.7151522 * g + 0.072175 * b,
      (0.0193339 * r + 0.119192 * g + 0.9503041 * b) / 1.08883,
    ].map((t) => (t > 0.008856 ? Math.cbrt(t) : 7.787 * t + 16 / 116))
    return [116 * xyz[1] - 16, 500 * (xyz[0] - xyz[1]), 200 * (xyz[1] - xyz[2])]
  }
  const deltaE = (a, i, b, j) => {
    const [p, q] = [lab(a, i), lab(b, j)]
    return Math.hypot(p[0] - q[0], p[1] - q[1], p[2] - q[2])
  }
  /** The commonest colours around a place: the fill of the marker there, its ring, what is written on it. */
  const fillsAt = (data, x0, y0) => {
    const seen = new Map()
    for (let yy = Math.max(0, y0 - 7); yy <= Math.min(height - 1, y0 + 7); yy++) {
      for (let xx = Math.max(0, x0 - 7); xx <= Math.min(width - 1, x0 + 7); xx++) {
        const at = 4 * (yy * width + xx)
        const key = (data[at] >> 2) * 65536 + (data[at + 1] >> 2) * 256 + (data[at + 2] >> 2)
        const known = seen.get(key)
        if (known) known.n++
        else seen.set(key, { n: 1, at })
      }
    }
    return [...seen.values()].sort((a, b) => b.n - a.n).slice(0, 8).map((one) => one.at)
  }
  /** How far the commonest of each picture is from the nearest of the other. */
  const fills = marks.map((mark) => {
    const [mx, my] = [Math.round(mark.x), Math.round(mark.y)]
    const [a, b] = [fillsAt(page, mx, my), fillsAt(picture, mx, my)]
    const there = Math.min(...b.map((at) => deltaE(page, a[0], picture, at)))
    const back = Math.min(...a.map((at) => deltaE(page, at, picture, b[0])))
    return Math.max(there, back)
  })
  /** Inside of areas: where both pictures are even for two pixels around. */
  let even = 0
  let apart = 0
  const isEven = (data, at) => [-8, 8, -8 * width, 8 * width].every((d) =>
    Math.abs(data[at] - data[at + d]) + Math.abs(data[at + 1] - data[at + d + 1]) + Math.abs(data[at + 2] - data[at + d + 2]) < 3)
  for (let yy = 4; yy < height - 4; yy += 2) {
    for (let xx = 4; xx < width - 4; xx += 2) {
      const at = 4 * (yy * width + xx)
      if (!isEven(page, at) || !isEven(picture, at)) continue
      even++
      if (deltaE(page, at, picture, at) >= 3) apart++
    }
  }
  const bytes = new Uint8Array(await blob.arrayBuffer())
  let binary = ''
  for (const byte of bytes) binary += String.fromCharCode(byte)
  return { marks, labels, drawn, fills, even, apart, shot: shot.split(',')[1], png: btoa(binary), address }
}

/** Pairs of one list with the nearest of another that `fits`; those left over on either side. */
function pair(browser, host, fits) {
  const left = [...host]
  const alone = []
  for (const one of browser) {
    const at = left.findIndex((other) => fits(one, other))
    if (at < 0) alone.push(one)
    else left.splice(at, 1)
  }
  return { alone, left }
}

const near = (a, b) => Math.hypot(a.x - b.x, a.y - b.y) <= NEAR_PX
const share = (wrong, all) => (all === 0 ? 1 : 1 - wrong / all)

/** Switches the page to a subject, and nothing else on. */
async function show(page, { what, view, night }) {
  const [layer, look] = what.split(' ')
  const theme = themes.includes(what) ? what : { 'end-users': 'users' }[layer] ?? (themes.includes(layer) ? layer : 'accidents')
  await page.click(test(`theme-${theme}`))
  for (const id of [...others, 'accidents']) {
    const box = page.locator(`${test(`layer-lpg.${id}`)} input`)
    if (await box.count()) await box.setChecked(id === layer)
  }
  for (const button of await page.locator('[data-test^="look-own"]').all()) await button.check()
  if (look) await page.locator(test(`look-${look}`)).check()
  if ((await page.getAttribute(test('night'), 'aria-pressed')) !== String(night)) await page.click(test('night'))
  const [zoom, lat, lon] = views[view]
  await page.evaluate((camera) => window.__lpgMap.jumpTo(camera), { zoom, center: [lon, lat] })
  await mapReady(page)
  return look ? { layer, look } : null
}

describe('pictures of the host beside the browser', () => {
  let browser
  let page
  let faults
  before(async () => {
    mkdirSync(folder, { recursive: true })
    browser = await launch()
    // Pixel beside pixel.
    ;({ page, faults } = await openMap(browser, 'province', '', { deviceScaleFactor: 1 }))
  })
  after(() => browser.close())

  for (const subject of subjects) {
    const { what, view: name, night } = subject
    it(`${what}, ${name}, ${night ? 'night' : 'day'}: the same markers, fills and labels`, async (t) => {
      const looked = await show(page, subject)
      const seen = await page.evaluate(compare, { night, looked })
      const file = `${folder}${what.replace(' ', '-')}-${name}-${night ? 'night' : 'day'}`
      writeFileSync(`${file}-browser.png`, Buffer.from(seen.shot, 'base64'))
      writeFileSync(`${file}-host.png`, Buffer.from(seen.png, 'base64'))
      assert.deepEqual(faults, [])

      const symbols = seen.drawn.filter((each) => each.kind !== 'text')
      const marks = pair(seen.marks, symbols, (a, b) => a.layer === b.layer && near(a, b))
      const marksEqual = share(marks.alone.length + marks.left.length, Math.max(seen.marks.length, symbols.length))

      // Along lines the words count, once, and those that the host has beside them do not.
      const along = new Set(seen.labels.filter((each) => each.x === undefined).map((each) => each.layer))
      const once = (list) => [...new Map(list.map((each) => [along.has(each.layer) ? `${each.layer} ${each.text}` : each, each])).values()]
      const ours = once(seen.drawn.filter((each) => each.kind === 'text'))
      const theirs = once(seen.labels)
      const labels = pair(theirs, ours, (a, b) => a.layer === b.layer && a.text === b.text && (a.x === undefined || near(a, b)))
      labels.left = labels.left.filter((each) => !along.has(each.layer))
      const labelsEqual = share(Math.max(labels.alone.length, labels.left.length), Math.max(theirs.length, ours.length))

      const fillsEqual = share(seen.fills.filter((e) => e >= 3).length, seen.fills.length)
      const areasEqual = share(seen.apart, seen.even)
      t.diagnostic(
        `${seen.marks.length} markers ${(100 * marksEqual).toFixed(1)} %, their fills ${(100 * fillsEqual).toFixed(1)} %, ` +
          `${theirs.length} labels ${(100 * labelsEqual).toFixed(1)} %, ${seen.even} even pixels ${(100 * areasEqual).toFixed(2)} %`,
      )
      const some = (list) => JSON.stringify(list.slice(0, 6))
      assert.ok(seen.even > 1000, 'areas to compare')
      assert.ok(name !== 'island' || !themes.includes(what) || what === 'users' || seen.marks.length > 0, 'markers to compare')
      assert.ok(marksEqual >= 0.99, `markers: browser alone ${some(marks.alone)}, host alone ${some(marks.left)}`)
      // Of few markers one may lie under another's label, where little is left of its fill.
      assert.ok(fillsEqual >= 0.99 || seen.fills.filter((e) => e >= 3).length === 1, `fills: ${some(seen.marks.filter((_, i) => seen.fills[i] >= 3))} ${some(seen.fills.filter((e) => e >= 3))}`)
      assert.ok(areasEqual >= 0.999, `areas: ${seen.apart} of ${seen.even} pixels`)
      assert.ok(labelsEqual >= 0.95, `labels: browser alone ${some(labels.alone)}, host alone ${some(labels.left)}`)
    })
  }
})

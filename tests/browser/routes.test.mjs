import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { readFile } from 'node:fs/promises'
import { base, launch, mapReady, openMap, shot, test, until } from './lib.mjs'

/** Three records near each other, to draw a line past them. */
async function someElements(page) {
  return page.evaluate(async () => {
    const answer = await fetch('/collections/lpg.risk-elements/items?limit=200&area=460100&bbox=110.2,19.9,110.5,20.1')
    return (await answer.json()).features.map((f) => f.geometry.coordinates).sort((a, b) => a[0] - b[0])
  })
}

async function at(page, lonlat) {
  const box = await page.locator(test('map')).boundingBox()
  const p = await page.evaluate((c) => window.__lpgMap.project(c), lonlat)
  return [box.x + p.x, box.y + p.y]
}

/** Administrators add records of a layer; fixtures that no page makes. */
async function add(layer, features) {
  const signedIn = await fetch(`${base}/auth/token`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ username: 'admin', password: process.env.CIM_DEMO_PASSWORD }),
  })
  const { access_token: token } = await signedIn.json()
  const answer = await fetch(`${base}/collections/${layer}/items`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/geo+json', Authorization: `Bearer ${token}` },
    body: JSON.stringify({ type: 'FeatureCollection', features }),
  })
  assert.ok(answer.ok, await answer.text())
}

/** Where the second vehicle drives after its hour of standing, which is the track that the tests look at. */
const secondHalf = (line) => Array.from({ length: 12 }, (_, k) =>
  [0, 1].map((i) => line[0][i] + ((0.5 * (k + 12)) / 24) * (line[1][i] - line[0][i]) + 0.001 * i))

/** A route that is the first part of that track, and then leads away from it. */
function planAlong(line) {
  const track = secondHalf(line)
  const coordinates = [...track.slice(0, 5), [track[4][0] + 0.05, track[4][1] - 0.05]]
  return add('lpg.transport-routes', [{
    type: 'Feature',
    geometry: { type: 'LineString', coordinates },
    properties: { route_no: 'browser-plan', name: '浏览对照路线', state: 'approved', area_code: '460105', deviation_m: 150 },
  }])
}

/** Fixes of two vehicles along the line, one a minute; the second stands an hour half way of 24. */
function driveAlong(line, numbers, start = '2026-11-20T08:00:00+08:00', n = 24) {
  const fix = (vehicle, k) => {
    const share = (0.5 * k) / 24
    const late = vehicle === 1 && k >= 12 ? 3600e3 : 0
    return {
      type: 'Feature',
      geometry: null,
      properties: {
        position_id: `browser-${start}-${vehicle}-${k}`,
        vehicle_no: numbers[vehicle],
        fixed_at: new Date(Date.parse(start) + k * 60e3 + late).toISOString(),
        lon: line[0][0] + share * (line[1][0] - line[0][0]),
        lat: line[0][1] + share * (line[1][1] - line[0][1]) + 0.001 * vehicle,
        area_code: '460105',
      },
    }
  }
  const features = [0, 1].flatMap((vehicle) => Array.from({ length: n }, (_, k) => fix(vehicle, k)))
  return add('lpg.vehicle-positions', features)
}

function metres([a, b], [c, d]) {
  const rad = Math.PI / 180
  const h = Math.sin(((d - b) * rad) / 2) ** 2 + Math.cos(b * rad) * Math.cos(d * rad) * Math.sin(((c - a) * rad) / 2) ** 2
  return 2 * 6371008.8 * Math.asin(Math.sqrt(h))
}

/** Positions along a line, so many metres apart at most. */
function along(line, stepM) {
  return line.slice(1).flatMap((q, i) => {
    const p = line[i]
    const n = Math.max(Math.ceil(metres(p, q) / stepM), 1)
    return Array.from({ length: n }, (_, k) => [p[0] + ((q[0] - p[0]) * (k + 0.5)) / n, p[1] + ((q[1] - p[1]) * (k + 0.5)) / n])
  })
}

/** How much of a track is farther than that from a line: by brute force over positions of both. */
function offM(track, planned, tolerance) {
  const near = along(planned, 10)
  const positions = along(track, 5)
  const total = track.slice(1).reduce((sum, q, i) => sum + metres(track[i], q), 0)
  return (total * positions.filter((p) => near.every((q) => metres(p, q) > tolerance)).length) / positions.length
}

async function drawLine(page, line) {
  await page.click(test('route-draw'))
  for (const p of line) {
    const [x, y] = await at(page, p)
    await page.mouse.click(x, y)
    // Apart enough that two clicks are no double-click.
    await page.waitForTimeout(400)
  }
  await page.keyboard.press('Enter')
}

describe('hazards along a route', () => {
  let browser
  let page
  let faults
  let expect
  let line
  before(async () => {
    browser = await launch()
    ;({ page, faults, expect } = await openMap(browser, 'province'))
    const places = await someElements(page)
    assert.ok(places.length > 10)
    line = [places[0], places[Math.floor(places.length / 2)], places[places.length - 1]]
    await planAlong(line)
  })
  after(() => browser.close())

  it('opens beside the map, asks for a line first', async () => {
    await page.click(test('tool-route'))
    await page.waitForSelector(test('route-panel'))
    assert.ok(await page.isDisabled(test('route-run')))
    assert.match(await page.innerText(test('route-panel')), /绘制或选择一条路线/)
    await page.evaluate((c) => window.__lpgMap.jumpTo({ center: c, zoom: 10.5 }), line[1])
    await mapReady(page)
  })

  it('takes a line from clicks, drops a position with Backspace, ends with Enter', async () => {
    await page.click(test('route-draw'))
    for (const p of [line[0], line[1]]) {
      await page.mouse.click(...(await at(page, p)))
      await page.waitForTimeout(400)
    }
    await page.keyboard.press('Backspace')
    await page.keyboard.press('Enter')
    assert.ok(await page.isDisabled(test('route-run')), 'one position is no line')
    await drawLine(page, line)
    assert.match(await page.innerText(test('route-length')), /km/)
    assert.ok(await page.isEnabled(test('route-run')))
  })

  it('lists the elements by chainage, as the interface answers them', async () => {
    await page.check(test('route-one-distance'))
    await page.fill(test('route-distance'), '800')
    const [response] = await Promise.all([
      page.waitForResponse((r) => r.url().endsWith('/execution')),
      page.click(test('route-run')),
    ])
    const document = await response.json()
    const features = document.elements.value.features
    assert.ok(features.length >= 3, 'the line passes three elements')
    await page.waitForSelector(test('route-sums'))
    assert.equal(Number((await page.innerText(test('route-count'))).replace(/\D/g, '')), features.length)
    const rows = await page.locator(`${test('route-list')} tbody tr`).count()
    assert.equal(rows, features.length)
    assert.equal(await page.locator(`${test('route-strip')} .mark`).count(), features.length)
    assert.match(await page.innerText(test('route-panel')), /待核/)
    await mapReady(page)
    const drawn = await page.evaluate(() => window.__lpgMap.queryRenderedFeatures({ layers: ['cim:route-element'] }).length)
    assert.ok(drawn > 0)
    await shot(page, 'route')
    assert.deepEqual(faults, [])
  })

  it('flies to an element from the list and, by keyboard, from the strip', async () => {
    const chosen = () => page.evaluate(() => {
      const f = window.__lpgMap.queryRenderedFeatures({ layers: ['cim:route-element'] }).find((x) => x.properties.chosen)
      return f ? { i: f.properties.i, zoom: window.__lpgMap.getZoom() } : null
    })
    await page.locator(`${test('route-list')} tbody tr`).first().click()
    await until('the first one chosen', chosen, (c) => c !== null && c.i === 0 && c.zoom >= 15)
    const mark = page.locator(`${test('route-strip')} .mark`).last()
    await mark.focus()
    await page.keyboard.press('Enter')
    await until('another one chosen', chosen, (c) => c !== null && c.i !== 0)
    assert.deepEqual(faults, [])
  })

  it('saves CSV for spreadsheets and GeoJSON', async () => {
    for (const [button, ending] of [['route-csv', '.csv'], ['route-geojson', '.geojson']]) {
      const [download] = await Promise.all([page.waitForEvent('download'), page.click(test(button))])
      assert.ok(download.suggestedFilename().endsWith(ending))
      const text = await readFile(await download.path(), 'utf8')
      if (ending === '.csv') assert.match(text, /^\ufeffuid,名称,类型,里程 m,距离 m/)
      else assert.equal(JSON.parse(text).type, 'FeatureCollection')
    }
  })

  it('says that nothing is near, and what is wrong with a line that jumps', async () => {
    await page.fill(test('route-distance'), '1')
    await page.click(test('route-run'))
    await until('no elements', () => page.innerText(test('route-panel')), (text) => /没有危险要素/.test(text))
    await page.click(test('tool-full'))
    await mapReady(page)
    await drawLine(page, [[108.9, 19.2], [110.8, 19.3]])
    expect('400 /processes/lpg.route-hazards/execution')
    await page.click(test('route-run'))
    await page.waitForSelector(test('route-error'))
    assert.match(await page.innerText(test('route-error')), /第 2 个点与前一点相距/)
    await shot(page, 'route-refused')
    assert.deepEqual(faults, [])
  })

  it('takes the tracks that vehicles drove in a span, cut where one stood, all in one run', async () => {
    const numbers = await page.evaluate(async () => {
      const answer = await fetch('/collections/lpg.vehicles/items?limit=2&sortby=vehicle_no')
      return (await answer.json()).features.map((f) => f.properties.vehicle_no)
    })
    await driveAlong(line, numbers)
    await page.click(test('route-vehicles'))
    for (const number of numbers) await page.click(`.el-select-dropdown__item:visible:has-text("${number}")`)
    await page.keyboard.press('Escape')
    assert.match(await page.inputValue(test('route-from')), /T00:00$/)
    await page.fill(test('route-from'), '2026-11-20T08:00')
    await page.fill(test('route-to'), '2026-11-20T12:00')
    await page.fill(test('route-distance'), '800')
    const [response] = await Promise.all([
      page.waitForResponse((r) => r.url().endsWith('/execution')),
      page.click(test('route-run')),
    ])
    const { results } = await response.json()
    assert.equal(results.length, 3, 'the second vehicle stood for an hour')
    await page.waitForSelector(test('route-results'))
    const rows = page.locator(`${test('route-results')} tbody tr`)
    assert.equal(await rows.count(), 3)
    assert.match(await rows.nth(0).innerText(), new RegExp(`${numbers[0]}.*08:00`))
    const shown = () => page.innerText(test('route-count')).then((t) => Number(t.replace(/\D/g, '')))
    assert.equal(await shown(), results[0].totals.elements)
    await rows.nth(2).click()
    await until('the third track', shown, (n) => n === results[2].totals.elements)
    const drawnM = () => page.evaluate(() => window.__lpgMap.querySourceFeatures('cim:route').length)
    await until('the track on the map', drawnM, (n) => n > 0)
    await mapReady(page)
    await shot(page, 'route-tracks')
    assert.deepEqual(faults, [])
  })

  it('dashes in red where a track left the route that it should have kept to', async () => {
    const track = secondHalf(line)
    const [planned] = await page.evaluate(async () =>
      (await (await fetch('/collections/lpg.transport-routes/items?route_no=browser-plan')).json()).features)
    const wanted = offM(track, planned.geometry.coordinates, planned.properties.deviation_m) / 1000
    const whole = offM(track, [[0, 0], [0, 1]], 0) / 1000
    assert.ok(wanted > 0.2 * whole && wanted < 0.8 * whole, `${wanted} km of ${whole} off`)
    await page.click(test('route-planned'))
    await page.click(`.el-select-dropdown__item:visible:has-text("${planned.properties.name}") >> nth=0`)
    await page.waitForSelector(test('route-deviation'))
    const told = () => page.innerText(test('route-deviation')).then((text) => parseFloat(text))
    await until('what the track is off', told, (km) => Math.abs(km - wanted) <= 0.05 + 0.01 * wanted)
    const dashes = () => page.evaluate(() => window.__lpgMap.queryRenderedFeatures({ layers: ['cim:route-deviation'] }).length)
    await until('dashes', dashes, (n) => n > 0)
    await mapReady(page)
    await shot(page, 'route-deviation')
    assert.deepEqual(faults, [])
  })

  it('says that a vehicle did not drive then', async () => {
    await page.fill(test('route-from'), '2026-11-20T13:00')
    await page.fill(test('route-to'), '2026-11-20T14:00')
    expect('404 /processes/lpg.route-hazards/execution')
    await page.click(test('route-run'))
    await page.waitForSelector(test('route-error'))
    assert.match(await page.innerText(test('route-error')), /没有行驶轨迹/)
    await page.click(test('route-close'))
    await page.waitForSelector(test('route-panel'), { state: 'detached' })
    assert.deepEqual(faults, [])
  })

  it('trails where vehicles have been in the last five minutes, and no longer', async () => {
    await page.click(test('theme-vehicles'))
    const numbers = await page.evaluate(async () =>
      (await (await fetch('/collections/lpg.vehicles/items?limit=2&sortby=vehicle_no')).json()).features.map((f) => f.properties.vehicle_no))
    // Eight minutes of one fix each up to now: of a vehicle five or four of them count.
    await driveAlong(line, numbers, new Date(Date.now() - 7 * 60e3 - 20e3).toISOString(), 8)
    await page.evaluate((center) => window.__lpgMap.jumpTo({ center, zoom: 12 }), line[0])
    const pieces = await until('the trail', () => page.evaluate(() => window.__lpgMap.getSource('cim:trail').serialize().data.features
      .map((f) => f.properties.fresh)), (found) => found.length > 0)
    assert.equal(pieces.length, 8, 'five fixes make four pieces, of two vehicles')
    assert.ok(Math.min(...pieces) < 0.5 && Math.max(...pieces) > 0.8, pieces.join())
    await mapReady(page)
    await shot(page, 'trail')
    assert.deepEqual(faults, [])
  })
})

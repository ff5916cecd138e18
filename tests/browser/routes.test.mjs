import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { readFile } from 'node:fs/promises'
import { launch, mapReady, openMap, shot, test, until } from './lib.mjs'

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
  })
  after(() => browser.close())

  it('opens beside the map, asks for a line first', async () => {
    await page.click(test('tool-route'))
    await page.waitForSelector(test('route-panel'))
    assert.ok(await page.isDisabled(test('route-run')))
    assert.match(await page.innerText(test('route-panel')), /绘制或选择一条路线/)
    const places = await someElements(page)
    assert.ok(places.length > 10)
    line = [places[0], places[Math.floor(places.length / 2)], places[places.length - 1]]
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
    await page.click(test('route-close'))
    await page.waitForSelector(test('route-panel'), { state: 'detached' })
    assert.deepEqual(faults, [])
  })
})

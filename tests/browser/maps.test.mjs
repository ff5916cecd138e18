import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { drawn, figures, launch, mapReady, openMap, shot, test, until } from './lib.mjs'

const themes = {
  enterprises: ['lpg.enterprises', 'lpg.stations'],
  vehicles: ['lpg.vehicles', 'lpg.roads'],
  users: ['lpg.end-users'],
  hazards: ['lpg.hazards'],
  accidents: ['lpg.accidents'],
}

describe('the five one-maps', () => {
  let browser
  let page
  let faults
  before(async () => {
    browser = await launch()
    ;({ page, faults } = await openMap(browser, 'province'))
  })
  after(() => browser.close())

  for (const [theme, collections] of Object.entries(themes)) {
    it(`draws ${theme} and says how many there are`, async () => {
      if (theme !== 'enterprises') await page.click(test(`theme-${theme}`))
      for (const id of collections) {
        const seen = await until(`${id} on the map`, () => drawn(page, id), (d) => d.features > 0)
        assert.ok(seen.features > 0)
        const { inView, total } = await figures(page, id)
        assert.ok(total > 0, `${id}: total ${total}`)
        assert.ok(inView > 0 && inView <= total, `${id}: ${inView} in view of ${total}`)
      }
      await mapReady(page)
      await shot(page, `map-${theme}`)
      assert.deepEqual(faults, [])
    })
  }

  it('switches single layers from the tree', async () => {
    await page.click(`${test('layer-lpg.cameras')} input`)
    await until('cameras', () => drawn(page, 'lpg.cameras'), (d) => d.features > 0)
    await page.click(`${test('layer-lpg.cameras')} input`)
    await until('no cameras', () => drawn(page, 'lpg.cameras'), (d) => d.features === 0)
    assert.deepEqual(faults, [])
  })

  it('marks the offline base map as a sketch, and labels it without a glyph server', async () => {
    assert.equal((await page.innerText(test('basemap-note'))).trim(), '示意图 非公开发布')
    assert.ok(await page.isVisible(test('basemap-note')))
    const land = await page.evaluate(
      () => window.__lpgMap.queryRenderedFeatures({ layers: ['base:land'] }).length,
    )
    assert.ok(land > 0, 'the land of the base map')
    const labels = await until(
      'district names',
      () => page.evaluate(() => window.__lpgMap.queryRenderedFeatures({ layers: ['base:districts:name'] }).map((f) => f.properties.name)),
      (names) => names.length > 0,
    )
    assert.ok(labels.some((name) => /[市县区]$/.test(name)), labels.join())
    assert.equal(await page.evaluate(() => window.__lpgMap.getStyle().glyphs), undefined)
  })

  it('keeps the chosen map and view in the address', async () => {
    await page.click(test('theme-hazards'))
    await page.evaluate(() => window.__lpgMap.jumpTo({ center: [110.3, 19.9], zoom: 10 }))
    await until('hash', () => page.evaluate(() => location.hash), (h) => /map=hazards/.test(h) && /v=10\.00\/19\.9/.test(h))
    await page.reload()
    await mapReady(page)
    const zoom = await page.evaluate(() => window.__lpgMap.getZoom())
    assert.ok(Math.abs(zoom - 10) < 0.01, `zoom ${zoom}`)
    assert.equal(await page.getAttribute(test('theme-hazards'), 'aria-current'), 'page')
    assert.deepEqual(faults, [])
  })
})

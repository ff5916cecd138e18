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

  it('says of the hazards how many are open, found and closed this month, and in time', async () => {
    await page.click(test('theme-hazards'))
    const { open, found, closed, inTime } = await page.evaluate(async () => {
      const { features } = await (await fetch('/collections/lpg.hazards/items?limit=10000&skipGeometry=true')).json()
      const { as_of_ms: now } = await (await fetch('/apps/lpg/api/summary?layer=lpg.hazards&by=state')).json()
      const beijing = (time) => new Date(new Date(time).getTime() + 8 * 3600_000).toISOString()
      const thisMonth = (time) => time && beijing(time).slice(0, 7) === beijing(now).slice(0, 7)
      const all = features.map((f) => f.properties)
      const ended = all.filter((p) => p.state === 'closed' && thisMonth(p.closed_at))
      const due = ended.filter((p) => p.extended_to || p.rectify_by)
      const late = due.filter((p) => beijing(p.closed_at).slice(0, 10) > (p.extended_to || p.rectify_by))
      return {
        open: all.filter((p) => p.state !== 'closed').length,
        found: all.filter((p) => thisMonth(p.found_at)).length,
        closed: ended.length,
        inTime: due.length ? `${(100 * (due.length - late.length) / due.length).toFixed(1)} % (${due.length - late.length}/${due.length})` : '–',
      }
    })
    assert.ok(open > 0)
    const told = async (name) => (await page.innerText(test(`figure-${name}`))).replace(/,/g, '')
    await until('open', () => told('open'), (text) => text === String(open))
    assert.deepEqual([await told('found'), await told('closed'), await told('in-time')], [String(found), String(closed), inTime])
    await shot(page, 'hazard-figures')
  })

  it('narrows the accidents by a bar of a chart and by months, and the other charts follow', async () => {
    await page.click(test('theme-accidents'))
    const id = 'lpg.accidents'
    const accidents = await page.evaluate(async () => (await (await fetch('/collections/lpg.accidents/items?limit=10000')).json()).features
      .map((f) => ({ ...f.properties, month: new Date(Date.parse(f.properties.occurred_at) + 8 * 3600_000).toISOString().slice(0, 7) })))
    const chart = (by) => page.evaluate((selector) => Object.fromEntries([...document.querySelectorAll(`${selector} li button`)]
      .map((bar) => [bar.dataset.test.slice(4), Number(bar.querySelector('b').textContent.replace(/,/g, ''))])), test(`chart-${by}`))
    const counted = (list, by) => list.reduce((sums, each) => ({ ...sums, [each[by] ?? '']: (sums[each[by] ?? ''] ?? 0) + 1 }), {})
    const filled = (counts) => Object.fromEntries(Object.entries(counts).filter(([, n]) => n > 0))
    const same = (by, list) => until(`chart ${by}`, async () => filled(await chart(by)), (c) => JSON.stringify(Object.entries(c).sort()) === JSON.stringify(Object.entries(counted(list, by)).sort()))
    for (const by of ['month', 'place_kind', 'cause']) await same(by, accidents)
    // The tools end above the charts, and each says its name also where it has no room for it.
    const [tools, charts] = await Promise.all(['[role=toolbar]', test('accident-charts')].map((one) => page.locator(one).boundingBox()))
    assert.ok(tools.y + tools.height <= charts.y, `${tools.y + tools.height} > ${charts.y}`)
    assert.equal(await page.getAttribute(test('tool-print'), 'aria-label'), '打印')
    // Months are told at the ends of the slider.
    const months = Object.keys(await chart('month')).sort()
    assert.deepEqual((await page.innerText(test('month-ends'))).split(/\s+/), [months[0], months.at(-1)])
    const [cause] = Object.entries(counted(accidents, 'cause')).sort((a, b) => b[1] - a[1])[0]
    await page.click(`${test('chart-cause')} ${test(`bar-${cause}`)}`)
    const ofCause = accidents.filter((each) => each.cause === cause)
    await until('the map follows', () => figures(page, id), (f) => f.total === ofCause.length)
    await same('month', ofCause)
    await same('cause', accidents)
    const { month } = ofCause[0]
    await page.click(`${test('chart-month')} ${test(`bar-${month}`)}`)
    const ofMonth = ofCause.filter((each) => each.month === month)
    await until('the month', () => figures(page, id), (f) => f.total === ofMonth.length)
    await same('place_kind', ofMonth)
    await until('drawn', () => drawn(page, id), (d) => d.records === ofMonth.length)
    // The slider's first handle goes to the first month: from there to the chosen one.
    await page.locator(`${test('chart-month')} .el-slider__button-wrapper`).first().focus()
    await page.keyboard.press('Home')
    await until('months from the first', () => figures(page, id), (f) => f.total === ofCause.filter((each) => each.month <= month).length)
    await shot(page, 'accident-charts')
    await page.click(test('clear-filter'))
    await until('all again', () => figures(page, id), (f) => f.total === accidents.length)
    assert.deepEqual(faults, [])
  })

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

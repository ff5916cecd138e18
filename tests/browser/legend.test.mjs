import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { drawn, figures, launch, mapReady, openMap, shot, test, until } from './lib.mjs'

const count = async (page, layer, by, value) =>
  Number((await page.innerText(`${test(`legend-${layer}`)} ${test(`class-${by}-${value}`)} .count`)).replace(/\D/g, ''))

describe('legend, areas and language', () => {
  let browser
  before(async () => (browser = await launch()))
  after(() => browser.close())

  it('filters the map by a class, exactly, and lets go again', async () => {
    const { page, context, faults } = await openMap(browser, 'province', '#map=hazards')
    const id = 'lpg.hazards'
    const all = await figures(page, id)
    await until('class counts', () => page.innerText(`${test(`legend-${id}`)} ${test('class-grade-major')} .count`), (text) => /\d/.test(text))
    const major = await count(page, id, 'grade', 'major')
    const general = await count(page, id, 'grade', 'general')
    assert.equal(major + general, all.total, 'classes add up to the total')
    assert.ok(major > 0 && general > 0)
    await page.click(`${test(`legend-${id}`)} ${test('class-grade-major')}`)
    const filtered = await until('filtered total', () => figures(page, id), (f) => f.total === major)
    assert.ok(filtered.inView <= major)
    await mapReady(page)
    const seen = await until('only major ones drawn', () => drawn(page, id), (d) => d.records > 0 && d.records <= major)
    assert.ok(seen.records <= major)
    const others = await page.evaluate((layer) => {
      const map = window.__lpgMap
      return map.querySourceFeatures(layer, { sourceLayer: layer })
        .filter((f) => (f.properties.cluster ? f.properties.n_grade_general > 0 : f.properties.grade !== 'major')).length
    }, id)
    assert.equal(others, 0, 'nothing of another class in the tiles')
    await shot(page, 'legend-filter')
    await page.click(test('clear-filter'))
    await until('all again', () => figures(page, id), (f) => f.total === all.total)
    assert.deepEqual(faults, [])
    await context.close()
  })

  it('filters by what the legend does not show', async () => {
    const { page, context, faults } = await openMap(browser, 'province', '#map=hazards')
    const id = 'lpg.hazards'
    const all = await figures(page, id)
    await page.click(`${test(`filters-${id}`)} summary`)
    await page.selectOption(test('filter-overdue'), 'true')
    const overdue = await until('only overdue ones', () => figures(page, id), (f) => f.total < all.total && f.total > 0)
    const asked = await page.evaluate(async () => (await (await fetch('/collections/lpg.hazards/items?limit=1&overdue=true')).json()).numberMatched)
    assert.equal(overdue.total, asked)
    await mapReady(page)
    const seen = await until('drawn', () => drawn(page, id), (d) => d.records > 0 && d.records <= overdue.total)
    assert.ok(seen.records <= overdue.total)
    await shot(page, 'more-filters')
    await page.selectOption(test('filter-overdue'), '')
    await until('all again', () => figures(page, id), (f) => f.total === all.total)
    // From the middle day on which hazards were found, and up to a later one.
    const days = await page.evaluate(async () => {
      const { features } = await (await fetch('/collections/lpg.hazards/items?limit=1000&sortby=found_at')).json()
      return [1 / 2, 3 / 4].map((share) => new Date(Date.parse(features[Math.floor(share * features.length)].properties.found_at) + 8 * 3600_000)
        .toISOString().slice(0, 10))
    })
    await page.click(`${test(`filters-${id}`)} summary`)
    await page.fill(test('filter-found_at-from'), days[0])
    await page.fill(test('filter-found_at-to'), days[1])
    await page.press(test('filter-found_at-to'), 'Tab')
    const [from, to] = [`${days[0]}T00:00:00+08:00`, `${days[1]}T23:59:59.999+08:00`]
    const within = await page.evaluate(async ([a, b]) => (await (await fetch(`/collections/lpg.hazards/items?limit=1&datetime=${
      encodeURIComponent(new Date(a).toISOString())}/${encodeURIComponent(new Date(b).toISOString())}`)).json()).numberMatched, [from, to])
    assert.ok(within > 0 && within < all.total, `${within} of ${all.total}`)
    await until('those of the days', () => figures(page, id), (f) => f.total === within)
    await mapReady(page)
    await until('drawn', () => drawn(page, id), (d) => d.records > 0 && d.records <= within)
    await shot(page, 'interval-filter')
    await page.click(test('clear-filter'))
    await until('all again', () => figures(page, id), (f) => f.total === all.total)
    assert.deepEqual(faults, [])
    await context.close()
  })

  it('changes to the night and back, keeping view, selection and filter', async () => {
    const { page, context, faults } = await openMap(browser, 'province', '#map=users&v=11.50/20.00000/110.33000')
    const state = () => page.evaluate(() => {
      const map = window.__lpgMap
      return {
        hash: location.hash,
        sources: Object.keys(map.getStyle().sources).length,
        hexagons: map.queryRenderedFeatures({ layers: ['lpg.end-users:hexagons'] }).length,
        land: map.getPaintProperty('base:land', 'fill-color'),
      }
    })
    const day = await until('hexagons', state, (s) => s.hexagons > 0)
    const rates = await page.evaluate(() => window.__lpgMap.queryRenderedFeatures({ layers: ['lpg.end-users:hexagons-rate'] })
      .map((f) => f.properties))
    assert.ok(rates.length > 0 && rates.every((p) => p.inspected_n <= p.inspected_of && Math.floor(1000 * p.inspected_n / p.inspected_of) / 10 === p.inspected_pct))
    assert.equal(await page.locator(test('band')).count(), 3)
    await page.click(test('night'))
    const night = await until('dark land', state, (s) => s.land !== day.land)
    assert.deepEqual({ ...night, land: 0 }, { ...day, land: 0 })
    assert.equal(await page.evaluate(() => document.documentElement.classList.contains('dark')), true)
    await shot(page, 'night')
    await page.reload()
    await mapReady(page)
    assert.equal((await state()).land, night.land, 'remembered')
    await page.click(test('look-areas'))
    await until('areas', () => page.evaluate(() => window.__lpgMap.getLayer('lpg.end-users:areas') &&
      window.__lpgMap.queryRenderedFeatures({ layers: ['lpg.end-users:areas'] }).length), (n) => n > 0)
    await shot(page, 'areas')
    await page.click(test('night'))
    await until('light again', () => page.evaluate(() => window.__lpgMap.getPaintProperty('base:land', 'fill-color')), (c) => c === day.land)
    assert.deepEqual(faults, [])
    await context.close()
  })

  it('narrows map, counts and legend to an area, and keeps it across maps', async () => {
    const { page, context, faults } = await openMap(browser, 'province')
    const before = await figures(page, 'lpg.stations')
    await page.click(test('area-picker'))
    await page.keyboard.type('海口')
    await page.click('.el-tree-node__content:visible:has-text("海口市")')
    const inside = await until('stations of 海口', () => figures(page, 'lpg.stations'), (f) => f.total < before.total && f.total > 0)
    assert.match(await page.evaluate(() => location.hash), /area=460100/)
    assert.match(await page.innerText(test('area-name')), /海口市/)
    await mapReady(page)
    const seen = await drawn(page, 'lpg.stations')
    assert.ok(seen.records <= inside.total, `${seen.records} drawn of ${inside.total}`)
    await shot(page, 'area-haikou')
    await page.click(test('theme-hazards'))
    const hazards = await figures(page, 'lpg.hazards')
    assert.match(await page.evaluate(() => location.hash), /area=460100/)
    await page.evaluate(() => (location.hash = '#map=hazards'))
    await page.reload()
    await mapReady(page)
    const everywhere = await figures(page, 'lpg.hazards')
    assert.ok(hazards.total < everywhere.total, `${hazards.total} of ${everywhere.total}`)
    assert.deepEqual(faults, [])
    await context.close()
  })

  it('shows a county account its county alone', async () => {
    const province = await openMap(browser, 'province', '#area=460100')
    const expected = await figures(province.page, 'lpg.stations')
    await province.context.close()
    const { page, context, faults } = await openMap(browser, 'haikou')
    const own = await figures(page, 'lpg.stations')
    assert.equal(own.total, expected.total, '海口 as the province sees it and as 海口 sees it')
    await page.evaluate(() => window.__lpgMap.jumpTo({ center: [110.35, 19.95], zoom: 14.5 }))
    await mapReady(page)
    await page.evaluate(() => window.__lpgMap.jumpTo({ center: [109.51, 18.25], zoom: 12 }))
    await mapReady(page)
    assert.equal((await drawn(page, 'lpg.stations')).records, 0, 'nothing of 三亚')
    await page.click(test('area-picker'))
    const names = await until(
      'areas of 海口',
      () => page.locator('.el-tree-node__content:visible').allInnerTexts(),
      (list) => list.some((name) => name.includes('海口')),
    )
    assert.ok(!names.some((n) => n.includes('三亚')), names.join())
    assert.deepEqual(faults, [])
    await context.close()
  })

  it('switches to English and remembers it', async () => {
    const { page, context, faults } = await openMap(browser, 'province')
    await page.click(test('language'))
    assert.match(await page.innerText(test('theme-hazards')), /Hazards/)
    await until('English legend', () => page.innerText(`${test('legend-lpg.stations')} ${test('class-licence_state-valid')}`), (text) => /Valid/.test(text))
    await shot(page, 'english')
    await page.reload()
    await mapReady(page)
    assert.match(await page.innerText(test('theme-hazards')), /Hazards/)
    await page.click(test('language'))
    assert.match(await page.innerText(test('theme-hazards')), /隐患一张图/)
    assert.deepEqual(faults, [])
    await context.close()
  })
})

import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { readFile } from 'node:fs/promises'
import { launch, mapReady, openMap, shot, test, until } from './lib.mjs'

/** Beside a dwelling whose attributes are all said. */
async function aDwelling(page) {
  return page.evaluate(async () => {
    const answer = await fetch('/collections/lpg.buildings/items?limit=500&use=dwelling')
    const all = (await answer.json()).features
    const known = all.find((f) => f.properties.important_public === false) ?? all[0]
    return known.geometry.coordinates[0][0]
  })
}

describe('siting and separations', () => {
  let browser
  let page
  let faults
  let expect
  let corner
  before(async () => {
    browser = await launch()
    ;({ page, faults, expect } = await openMap(browser, 'planner'))
  })
  after(() => browser.close())

  async function pointAt(lonlat) {
    const box = await page.locator(test('map')).boundingBox()
    const p = await page.evaluate((c) => window.__lpgMap.project(c), lonlat)
    return [box.x + p.x, box.y + p.y]
  }

  async function nextAnswer(process, act) {
    const [response] = await Promise.all([
      page.waitForResponse((r) => r.url().endsWith(`/processes/${process}/execution`)),
      act(),
    ])
    return response.json()
  }

  it('says why not while the pointer moves, and keeps what is clicked', async () => {
    await page.click(test('tool-siting'))
    await page.waitForSelector(test('siting-panel'))
    corner = await aDwelling(page)
    await page.evaluate((c) => window.__lpgMap.jumpTo({ center: c, zoom: 18 }), corner)
    await mapReady(page)
    await page.click(test('siting-pick'))
    const [x, y] = await pointAt(corner)
    const answer = await nextAnswer('lpg.why-not', () => page.mouse.move(x, y))
    assert.equal(answer.verdict, 'violates', 'on the corner of a dwelling')
    await until('the verdict', () => page.innerText(test('siting-verdict')), (text) => text === '不合规')
    await nextAnswer('lpg.why-not', () => page.mouse.click(x + 1, y))
    assert.equal(await page.getAttribute(test('siting-pick'), 'aria-pressed'), 'false')
    await page.waitForSelector(`${test('siting-rules')} tbody tr.short`)
    assert.match(await page.innerText(test('siting-rules')), /GB 51142-2015/)
    assert.match(await page.innerText(test('siting-rules')), /待核/)
    await shot(page, 'siting-why-not')
    assert.deepEqual(faults, [])
  })

  it('asks again when the volume changes: dwellings 6 to 8 m', async () => {
    const required = (answer) => answer.rules.find((line) => line.receptor === 'other_civil').required_m
    const larger = await nextAnswer('lpg.why-not', () => page.fill(test('siting-volume'), '3.1'))
    assert.equal(required(larger), 8)
    const smaller = await nextAnswer('lpg.why-not', () => page.fill(test('siting-volume'), '3'))
    assert.equal(required(smaller), 6)
    expect('400 /processes/lpg.why-not/execution')
    await page.fill(test('siting-volume'), '21')
    await page.waitForSelector(test('siting-error'))
    assert.match(await page.innerText(test('siting-error')), /不是供应站/)
    await page.fill(test('siting-volume'), '3')
    await page.waitForSelector(test('siting-verdict'))
    assert.deepEqual(faults, [])
  })

  it('checks all stations: violations first, flies to one, saves the list', async () => {
    const answer = await nextAnswer('lpg.station-compliance', () => page.click(test('siting-stations')))
    const features = answer.stations.value.features
    const totals = answer.totals.value ?? answer.totals
    assert.ok(totals.violates > 0, 'the demonstration has violations')
    assert.equal(features[0].properties.verdict, 'violates')
    const short = features.map((f) => f.properties.short_m)
    for (let i = 1; i < totals.violates; i++) assert.ok(short[i - 1] >= short[i], 'the shortest first')
    await page.waitForSelector(test('siting-sums'))
    assert.equal(Number((await page.innerText(test('siting-violates'))).replace(/\D/g, '')), totals.violates)
    await page.locator(`${test('siting-list')} tbody tr`).first().click()
    await until(
      'the station chosen',
      () => page.evaluate(() => window.__lpgMap.getZoom() >= 17 && window.__lpgMap.queryRenderedFeatures({ layers: ['cim:siting-point'] }).some((f) => f.properties.chosen)),
      Boolean,
    )
    await shot(page, 'siting-stations')
    for (const [button, ending] of [['siting-csv', '.csv'], ['siting-geojson', '.geojson']]) {
      const [download] = await Promise.all([page.waitForEvent('download'), page.click(test(button))])
      assert.ok(download.suggestedFilename().endsWith(ending))
      const text = await readFile(await download.path(), 'utf8')
      if (ending === '.csv') assert.equal(text.trimEnd().split('\r\n').length, features.length + 1)
      else assert.equal(JSON.parse(text).features.length, features.length)
    }
    await page.click(test('siting-close'))
    await page.waitForSelector(test('siting-panel'), { state: 'detached' })
    assert.deepEqual(faults, [])
  })
})

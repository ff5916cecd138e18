// The panel that runs any analysis of the map: its form is made of the description, its inputs are layers, drawings, texts and files,
// its answer layers with a legend, tables and files.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { launch, mapReady, openMap, shot, test, until } from './lib.mjs'

const JOB_MS = 120_000

describe('spatial analyses', () => {
  let browser
  let page
  let faults
  let expect
  before(async () => {
    browser = await launch()
    ;({ page, faults, expect } = await openMap(browser, 'planner'))
    page.setDefaultTimeout(JOB_MS)
  })
  after(() => browser.close())

  /** Another form, once its description has come. */
  async function open(id) {
    const [described] = await Promise.all([
      page.waitForResponse((r) => r.url().includes(`/processes/${id}`)),
      page.selectOption(test('analysis-process'), id),
    ])
    const [input] = Object.keys((await described.json()).inputs)
    await page.waitForSelector(`[data-test^="input-${input}"]`)
  }
  const field = (name) => test(`input-${name}`)

  async function run() {
    const [result] = await Promise.all([
      page.waitForResponse((r) => /\/jobs\/[^/]+\/results$/.test(r.url()), { timeout: JOB_MS }),
      page.click(test('analysis-run')),
    ])
    const answer = await result.json()
    await page.waitForSelector(test('job'), { state: 'detached' })
    return answer
  }

  const drawn = () => page.evaluate(() => window.__lpgMap.querySourceFeatures('cim:analysis').filter((f) => !f.properties.asked).length)

  async function clickAt(x, y, options) {
    const box = await page.locator(test('map')).boundingBox()
    await page.mouse.click(box.x + box.width * x, box.y + box.height * y, options)
  }

  it('offers what the account may run, by its Chinese name', async () => {
    await page.click(test('tool-analysis'))
    await page.waitForSelector(`${test('analysis-process')} option`, { state: 'attached' })
    const names = await page.$$eval(`${test('analysis-process')} option`, (all) => all.map((one) => [one.value, one.textContent.trim()]))
    assert.deepEqual(names.map(([id]) => id).sort(), ['lpg.buffer', 'lpg.density', 'lpg.overlay', 'lpg.safer-route', 'lpg.service-area', 'lpg.topology', 'lpg.viewshed'])
    for (const [id, name] of names) assert.match(name, /[\u4e00-\u9fff]/, id)
    assert.deepEqual(faults, [])
  })

  it('buffers a layer as far as it is in the view, and names the input that is wrong', async () => {
    await open('lpg.buffer')
    assert.equal(await page.isDisabled(test('analysis-run')), true)
    assert.match(await page.innerText(test('analysis-panel')), /还需给出：对象/)
    await page.evaluate(() => window.__lpgMap.jumpTo({ center: [110.33, 20.02], zoom: 12.5 }))
    await mapReady(page)
    await page.selectOption(field('features-from'), 'lpg.risk-elements')
    await page.selectOption(field('features-extent'), 'view')
    expect('400 /jobs/')
    expect('400 /processes/lpg.buffer/execution')
    await page.click(test('analysis-run'))
    await until('which input it was', () => page.innerText(test('analysis-error')), (text) => /距离/.test(text))
    assert.equal(await page.getAttribute(field('distance_m'), 'aria-invalid'), 'true')
    await shot(page, 'analysis-error')
    await page.fill(field('distance_m'), '300')
    const answer = await run()
    assert.ok(answer.n_features > 0)
    await until('the buffers on the map', drawn, (n) => n > 0)
    assert.match(await page.innerText(test('analysis-legend')), /缓冲区/)
    await page.waitForSelector(`${test('table-buffers')} tbody tr`)
    assert.match(await page.innerText(test('table-buffers')), /名称/)
    await page.locator(`${test('table-buffers')} tbody tr`).first().click()
    await until('the one that was pointed at', () => page.evaluate(() => window.__lpgMap.querySourceFeatures('cim:analysis').some((f) => f.properties.chosen)), Boolean)
    await shot(page, 'analysis-buffer')
    assert.deepEqual(faults, [])
  })

  it('gives its layers as files', async () => {
    for (const [name, begins] of [['pdf', '%PDF'], ['docx', 'PK'], ['geojson', '{"ty'], ['shp-buffers', 'PK'], ['dxf', '  0']]) {
      const href = await page.getAttribute(test(`file-${name}`), 'href')
      const head = await page.evaluate(async (url) => {
        const answer = await fetch(url)
        return [answer.status, (await answer.text()).slice(0, 4)]
      }, href)
      assert.deepEqual([head[0], head[1].startsWith(begins.slice(0, 3))], [200, true], `${name}: ${head[1]}`)
    }
    assert.deepEqual(faults, [])
  })

  it('cuts a layer by an area drawn on the map', async () => {
    await open('lpg.overlay')
    await page.selectOption(field('a-from'), 'lpg.risk-elements')
    await page.selectOption(field('b-from'), 'drawn')
    await page.evaluate(() => window.__lpgMap.jumpTo({ center: [110.33, 20.02], zoom: 11.5 }))
    await mapReady(page)
    await page.click(test('input-b-Polygon'))
    await clickAt(0.3, 0.3)
    await clickAt(0.7, 0.3)
    await clickAt(0.7, 0.7)
    await clickAt(0.3, 0.7)
    await page.locator(test('input-b-Polygon')).focus()
    await page.keyboard.press('Enter')
    await until('the text of the drawing', () => page.inputValue(field('b-text')), (text) => text.startsWith('POLYGON (('))
    const answer = await run()
    assert.ok(answer.n_pieces > 0)
    await until('the pieces on the map', drawn, (n) => n > 0)
    await shot(page, 'analysis-overlay')
    assert.deepEqual(faults, [])
  })

  it('spreads a field of the layer as a density, by grades', async () => {
    await open('lpg.density')
    await page.selectOption(field('features-from'), 'lpg.risk-elements')
    await page.waitForSelector(`${field('weight_field')} option[value=persons]`, { state: 'attached' })
    await page.selectOption(field('weight_field'), 'persons')
    await page.fill(field('bandwidth_m'), '2000')
    const answer = await run()
    assert.ok(Math.abs(answer.mass - answer.total_weight) < 1e-3 * answer.total_weight)
    assert.doesNotMatch(await page.innerText(test('analysis-panel')), /数据来源/, 'own records alone: no empty table')
    await until('a line a grade', () => page.locator(`${test('analysis-legend')} span`).count(), (n) => n >= 5)
    await shot(page, 'analysis-density')
    assert.deepEqual(faults, [])
  })

  it('finds what is wrong with typed areas, and says which line it cannot read', async () => {
    await open('lpg.topology')
    await page.selectOption(field('features-from'), 'drawn')
    await page.fill(field('features-text'), '110.3, 20.0\nnot a place')
    await page.click(test('analysis-run'))
    await until('the line', () => page.innerText(test('analysis-error')), (text) => /对象：.*not a place/.test(text))
    await page.fill(field('features-text'), 'POLYGON ((110.3 20, 110.32 20.02, 110.32 20, 110.3 20.02, 110.3 20))')
    const answer = await run()
    assert.equal(answer.n_findings, 1)
    assert.match(await page.innerText(test('table-findings')), /几何有效/)
    await shot(page, 'analysis-topology')
    assert.deepEqual(faults, [])
  })

  it('draws service areas around places that are clicked, the wide ones below', async () => {
    await open('lpg.service-area')
    await page.selectOption(field('facilities-from'), 'drawn')
    await page.evaluate(() => window.__lpgMap.jumpTo({ center: [110.33, 20.02], zoom: 12 }))
    await mapReady(page)
    await page.click(test('input-facilities-Point'))
    await clickAt(0.4, 0.5)
    await clickAt(0.6, 0.5)
    await page.click(test('input-facilities-Point'))
    await until('two places', () => page.inputValue(field('facilities-text')), (text) => text.split('\n').length === 2)
    await page.selectOption(field('by'), 'straight')
    await page.fill(field('ranges'), '500, 1000 一千')
    await page.click(test('analysis-run'))
    await until('the word that is no number', () => page.innerText(test('analysis-error')), (text) => /范围.*一千/.test(text))
    await page.fill(field('ranges'), '500, 1000, 2000')
    const answer = await run()
    assert.equal(answer.areas.value.features.length, 3)
    assert.match(await page.innerText(test('table-areas')), /服务的需求/)
    await shot(page, 'analysis-service-area')
    assert.deepEqual(faults, [])
  })

  it('opens a run of before with its question', async () => {
    await open('lpg.density')
    await until('the runs', () => page.locator(`${test('analysis-saved')} option`).count(), (n) => n >= 2)
    const job = await page.$eval(`${test('analysis-saved')} option:nth-child(2)`, (one) => one.value)
    await page.selectOption(test('analysis-saved'), job)
    await until('its bandwidth', () => page.inputValue(field('bandwidth_m')), (text) => text === '2000')
    await until('its layer', () => page.inputValue(field('features-from')), (text) => text === 'lpg.risk-elements')
    await until('its bands', drawn, (n) => n > 0)
    assert.deepEqual(faults, [])
  })

  it('says what is missing where there is no elevation model', async () => {
    await open('lpg.viewshed')
    await page.fill(field('point-text'), '110.33, 20.02')
    expect('409 /jobs/')
    expect('409 /processes/')
    await page.click(test('analysis-run'))
    await until('why not', () => page.innerText(test('analysis-error')), (text) => /高程/.test(text))
    await shot(page, 'analysis-viewshed')
    assert.deepEqual(faults, [])
  })

  it('is cancelled, and takes its layers off the map when it is closed', async () => {
    await open('lpg.buffer')
    await page.selectOption(field('features-from'), 'lpg.buildings')
    await page.fill(field('distance_m'), '100')
    await page.click(test('analysis-run'))
    await page.click(test('job-cancel'))
    await page.waitForSelector(test('job'), { state: 'detached' })
    assert.equal(await page.isDisabled(test('analysis-run')), false)
    await page.click(test('analysis-close'))
    assert.equal(await page.locator(test('analysis-panel')).count(), 0)
    await until('nothing of it', drawn, (n) => n === 0)
    assert.deepEqual(faults, [])
  })
})

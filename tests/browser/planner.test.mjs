// The planner's day (product.md, steps 9, 18, 11 and 19): a safer route saved to be approved; land, sites, a red line from a
// drawing, why not, reports; what an accident reaches; the stations that stand too near.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { launch, mapReady, openMap, shot, test, until } from './lib.mjs'

const JOB_MS = 120_000

/** A corner of a dwelling, so that there is something to keep away from. */
async function aDwelling(page) {
  return page.evaluate(async () => {
    const answer = await fetch('/collections/lpg.buildings/items?limit=500&use=dwelling')
    const all = (await answer.json()).features
    return all[0].geometry.coordinates[0][0]
  })
}

const hectares = async (page) => parseFloat(await page.innerText(test('plan-feasible')))

describe('the planner', () => {
  let browser
  let page
  let faults
  let expect
  let corner
  before(async () => {
    browser = await launch()
    ;({ page, faults, expect } = await openMap(browser, 'planner'))
    page.setDefaultTimeout(JOB_MS)
  })
  after(() => browser.close())

  async function runPlan() {
    const [result] = await Promise.all([
      page.waitForResponse((r) => /\/jobs\/[^/]+\/results$/.test(r.url()), { timeout: JOB_MS }),
      page.click(test('plan-run')),
    ])
    const answer = await result.json()
    await page.waitForSelector(test('plan-feasible'))
    await page.waitForSelector(test('job'), { state: 'detached' })
    return answer
  }

  it('09:50 compares ways for a cylinder truck and saves one to be approved', async () => {
    await page.click(test('tool-analysis'))
    await page.waitForSelector(`${test('analysis-process')} option`, { state: 'attached' })
    await page.selectOption(test('analysis-process'), 'lpg.safer-route')
    await page.fill(test('input-from-text'), '110.2009, 20.0133')
    await page.fill(test('input-to-text'), '110.3497, 20.0358')
    assert.equal(await page.$eval(`${test('input-vehicle')} option:checked`, (one) => one.textContent.trim()), '气瓶运输车')
    const [result] = await Promise.all([
      page.waitForResponse((r) => /\/jobs\/[^/]+\/results$/.test(r.url()), { timeout: JOB_MS }),
      page.click(test('analysis-run')),
    ])
    const { alternatives } = await result.json()
    await page.waitForSelector(`${test('table-alternatives')} tbody tr`)
    const head = await page.innerText(`${test('table-alternatives')} thead`)
    for (const column of ['里程（米）', '时间（分）', '暴露（人·公里）', '暴露人数']) assert.ok(head.includes(column), column)
    assert.equal(await page.locator(`${test('table-alternatives')} tbody tr`).count(), alternatives.value.features.length)
    await page.locator(`${test('table-alternatives')} tbody tr`).first().click()
    const number = `SAFER-${process.pid}`
    await page.fill(test('save-route_no'), number)
    await page.fill(test('save-name'), '长流至新埠（比选）')
    await shot(page, 'planner-safer-route')
    const [asked] = await Promise.all([
      page.waitForRequest((r) => r.method() === 'POST' && r.url().endsWith('/lpg.transport-routes/items')),
      page.click(test('save-go')),
    ])
    await until('it is saved', () => page.innerText(test('save-told')), (text) => /待审批/.test(text))
    const saved = await page.evaluate(async (no) => (await fetch(`/collections/lpg.transport-routes/items?route_no=${no}`)).json(), number)
    assert.equal(saved.features[0].properties.state, 'draft')
    assert.ok(Math.abs(saved.features[0].properties.length_km * 1000 - alternatives.value.features[0].properties.length_m) < 1)
    // who may create a route may not approve it by that
    expect('403 /collections/lpg.transport-routes/items')
    const approved = JSON.parse(asked.postData())
    Object.assign(approved.properties, { route_no: `${number}-A`, state: 'approved' })
    const status = await page.evaluate(
      async ([body, csrf]) =>
        (await fetch('/collections/lpg.transport-routes/items', {
          method: 'POST',
          headers: { 'Content-Type': 'application/geo+json', ...(csrf ? { 'X-CSRF-Token': csrf } : {}) },
          body,
        })).status,
      [JSON.stringify(approved), asked.headers()['x-csrf-token']],
    )
    assert.equal(status, 403)
    await page.click(test('analysis-close'))
    assert.deepEqual(faults, [])
  })

  it('finds the land in the view, and less of it for more volume', async () => {
    await page.click(test('tool-plan'))
    await page.waitForSelector(test('plan-panel'))
    assert.equal(await page.isDisabled(test('plan-run')), true, 'no area yet')
    corner = await aDwelling(page)
    await page.evaluate((c) => window.__lpgMap.jumpTo({ center: c, zoom: 16.5 }), corner)
    await mapReady(page)
    await page.click(test('plan-view'))
    await page.uncheck(test('plan-land-use'))
    await page.selectOption(test('plan-class'), 'II')
    await page.fill(test('plan-volume'), '3')
    const required = (answer) => answer.rules.find((line) => line.receptor === 'other_civil').required_m
    assert.equal(required(await runPlan()), 6)
    const smaller = await hectares(page)
    await page.fill(test('plan-volume'), '3.1')
    assert.equal(required(await runPlan()), 8)
    await until('the land shrinks', () => hectares(page), (ha) => ha < smaller)
    assert.equal(await page.locator(`${test('plan-scenarios')} thead th`).count(), 3, 'two scenarios side by side')
    assert.match(await page.innerText(test('plan-rules')), /待核/)
    await shot(page, 'plan-land')
    assert.deepEqual(faults, [])
  })

  it('chooses sites with a proven gap, and flies to one', async () => {
    await page.fill(test('plan-count'), '2')
    await page.fill(test('plan-radius'), '')
    assert.match(await page.innerText(test('plan-lacks')), /还需给出：服务半径/)
    assert.equal(await page.isDisabled(test('plan-run')), true)
    await page.fill(test('plan-radius'), '800')
    const answer = await runPlan()
    if (answer.total_demand > 0) {
      assert.ok(answer.gap <= 0.01, `gap ${answer.gap}`)
      await page.waitForSelector(`${test('plan-sites')} tbody tr`)
      await page.click(`${test('plan-sites')} tbody tr`)
      await page.waitForFunction(() => !window.__lpgMap.isMoving() && window.__lpgMap.getZoom() >= 17)
    }
    await shot(page, 'plan-sites')
    await page.selectOption(test('plan-by'), 'length')
    await page.selectOption(test('plan-existing'), 'movable')
    const byRoad = await runPlan()
    const names = await page.$$eval(`${test('plan-scenarios')} thead button`, (all) => all.map((one) => one.textContent))
    assert.equal(new Set(names).size, names.length, `scenarios that differ are called so: ${names}`)
    assert.match(names[0], /沿道路 · 可以让位/)
    assert.deepEqual([byRoad.run.value.inputs.by, byRoad.run.value.inputs.existing], ['length', 'movable'])
    if (byRoad.total_demand > 0) assert.ok(byRoad.covered_demand <= byRoad.total_demand && byRoad.gap <= 0.01)
    await page.selectOption(test('plan-by'), 'straight')
    await page.selectOption(test('plan-existing'), 'fixed')
    assert.deepEqual(faults, [])
  })

  it('15:00 offers rooms in buildings for class III: no dwellings, no high-rises, each rule with its 待核', async () => {
    await page.selectOption(test('plan-class'), 'III')
    await page.fill(test('plan-volume'), '1')
    await page.fill(test('plan-capacity'), '40')
    await page.evaluate((c) => window.__lpgMap.jumpTo({ center: c, zoom: 11.3 }), corner)
    await mapReady(page)
    await page.click(test('plan-view'))
    assert.equal(await page.inputValue(test('plan-places')), 'buildings')
    await page.check(test('plan-wants-frontier'))
    const answer = await runPlan()
    const [rooms, candidates, chosen] = ['rooms', 'candidates', 'chosen'].map((name) => answer[name].value)
    assert.ok(rooms.taken > 0 && rooms.taken < rooms.buildings, JSON.stringify(rooms))
    assert.ok(rooms.not_taken.use > 0 && rooms.not_taken.high_rise > 0, JSON.stringify(rooms))
    assert.match(await page.innerText(test('plan-rooms')), /高层/)
    // what the records of the chosen buildings say, asked for by themselves
    const records = await page.evaluate(
      async (uids) => Promise.all(uids.map(async (uid) => (await fetch(`/collections/lpg.buildings/items?uid=${uid}`)).json())),
      candidates.features.map((f) => f.properties.building).slice(0, 40),
    )
    for (const { features } of records) {
      const { use, important_public: important, high_rise_class: high, fire_rating: rating } = features[0].properties
      assert.ok(!['dwelling', 'dormitory', 'mixed'].includes(use), use)
      assert.ok(important === false && (high === null || high === undefined || high === 'none'), JSON.stringify(features[0].properties))
      assert.ok(['1', '2'].includes(rating), rating)
    }
    assert.ok(chosen.features.length === 2 && chosen.features.every((f) => f.properties.serves <= 40))
    if (answer.total_demand > 0) assert.ok(answer.gap <= 0.01, `gap ${answer.gap}`)
    assert.equal(chosen.features[0].properties.verdict, 'to_confirm', 'rows of confidence L')
    assert.match(await page.innerText(test('plan-sites')), /待核/)
    assert.ok(!/合规/.test((await page.innerText(test('plan-sites'))).replaceAll('不合规', '')), 'the word is not used')
    assert.ok(answer.frontier.length > 1 && answer.frontier_complete !== null)
    await page.locator(`${test('plan-frontier')} tbody tr`).nth(1).click()
    await page.locator(test('plan-frontier')).scrollIntoViewIfNeeded()
    await shot(page, 'plan-class-3')
    await page.uncheck(test('plan-wants-frontier'))
    await page.fill(test('plan-capacity'), '')
    await page.selectOption(test('plan-class'), 'II')
    await page.fill(test('plan-volume'), '3.1')
    assert.deepEqual(faults, [])
  })

  it('gives the report as PDF and Word, and the land as SHP', async () => {
    for (const [name, begins] of [['pdf', '%PDF'], ['docx', 'PK'], ['geojson', '{"ty'], ['shp-feasible', 'PK']]) {
      const href = await page.getAttribute(test(`file-${name}`), 'href')
      const head = await page.evaluate(async (url) => {
        const answer = await fetch(url)
        return [answer.status, (await answer.text()).slice(0, 4)]
      }, href)
      assert.equal(head[0], 200, href)
      assert.ok(head[1].startsWith(begins), `${name}: ${head[1]}`)
    }
    assert.deepEqual(faults, [])
  })

  it('says why not where it is clicked', async () => {
    await page.evaluate((c) => window.__lpgMap.jumpTo({ center: c, zoom: 18 }), corner)
    await mapReady(page)
    await page.click(test('plan-why'))
    const box = await page.locator(test('map')).boundingBox()
    await page.mouse.click(box.x + box.width / 2, box.y + box.height / 2)
    await page.waitForSelector(test('plan-why-line'))
    assert.match(await page.innerText(test('plan-why-line')), /不合规/)
    assert.deepEqual(faults, [])
  })

  it('takes a red line from a drawing, and says what it lacks', async () => {
    // 300 m by 300 m around the dwelling, in the 3-degree plane of 111 E
    const [e, n] = await page.evaluate(([lon, lat]) => {
      const rad = Math.PI / 180
      return [500000 + (lon - 111) * 111320 * Math.cos(lat * rad), lat * 110574 + 3000]
    }, corner)
    const at = [[-150, -150], [150, -150], [150, 150], [-150, 150]]
    const dxf = ['0', 'SECTION', '2', 'ENTITIES', '0', 'LWPOLYLINE', '100', 'AcDbEntity', '8', 'red', '100', 'AcDbPolyline', '90', '4', '70', '1',
      ...at.flatMap(([x, y]) => ['10', String(e + x), '20', String(n + y)]), '0', 'ENDSEC', '0', 'EOF', ''].join('\n')
    const file = { name: '红线.dxf', mimeType: 'application/dxf', buffer: Buffer.from(dxf) }
    expect('400 /files/features')
    await page.setInputFiles(test('plan-file'), file)
    await until('it asks for the reference system', () => page.innerText(test('plan-error')), (text) => /坐标系/.test(text))
    await page.fill(test('plan-crs'), 'EPSG:4546')
    await page.setInputFiles(test('plan-file'), file)
    await until('the area of the file', () => page.innerText(test('plan-area')), (text) => /红线\.dxf · EPSG:4546/.test(text))
    await page.fill(test('plan-count'), '0')
    const answer = await runPlan()
    assert.ok(Math.abs(answer.area_m2 - 90000) < 60, `${answer.area_m2}`)
    assert.deepEqual(faults, [])
  })

  it('opens a run of before with its question', async () => {
    await until('the runs', () => page.locator(`${test('plan-saved')} option`).count(), (n) => n >= 4)
    const jobs = await page.$$eval(`${test('plan-saved')} option`, (options) => options.map((o) => o.value).filter(Boolean))
    const ended = (await page.evaluate(async (id) => (await fetch(`/jobs/${id}`)).json(), jobs[0])).finished
    const beijing = new Date(Date.parse(ended) + 8 * 3_600_000).toISOString().slice(5, 16).replace('T', ' ')
    assert.equal(await page.innerText(`${test('plan-saved')} option[value="${jobs[0]}"]`), beijing)
    await page.selectOption(test('plan-saved'), jobs.at(-1))
    await until('its volume', () => page.inputValue(test('plan-volume')), (text) => text === '3')
    assert.deepEqual(faults, [])
  })

  it('is cancelled, and is ready for the next', async () => {
    await page.click(test('plan-run'))
    await page.click(test('job-cancel'))
    await page.waitForSelector(test('job'), { state: 'detached' })
    assert.equal(await page.isDisabled(test('plan-run')), false)
    await page.click(test('plan-close'))
    assert.equal(await page.locator(test('plan-panel')).count(), 0)
    assert.deepEqual(faults, [])
  })

  it('shows what a full store of 28 cylinders reaches: 80.6 m and 145.5 m', async () => {
    await page.click(test('tool-consequence'))
    await page.waitForSelector(test('consequence-panel'))
    assert.equal(await page.isDisabled(test('consequence-run')), true)
    await page.click(test('consequence-pick'))
    const box = await page.locator(test('map')).boundingBox()
    await page.mouse.click(box.x + box.width / 2, box.y + box.height / 2)
    await page.click(test('consequence-run'))
    await page.waitForSelector(`${test('consequence-rings')} tbody tr`)
    const text = await page.innerText(test('consequence-rings'))
    assert.match(text, /12\.5 kW\/m²\s+80\.6/)
    assert.match(text, /4 kW\/m²\s+145\.5/)
    assert.match(await page.innerText(test('consequence-nearest')), /最近/)
    assert.match(await page.locator(test('consequence-by-road')).first().innerText(), /沿道路最先到达.* km，[\d.]+ 分/)
    await shot(page, 'consequence')
    await page.selectOption(test('consequence-scenario'), 'explosion')
    await page.click(test('consequence-run'))
    await until('overpressure', () => page.innerText(test('consequence-rings')), (t) => /44 kPa/.test(t))
    assert.deepEqual(faults, [])
  })

  it('15:40 ranks the stations that stand too near, with metres short and a cure', async () => {
    await page.click(test('tool-siting'))
    await page.click(test('siting-stations'))
    await page.waitForSelector(`${test('siting-list')} tbody tr`)
    const rows = await page.$$eval(`${test('siting-list')} tbody tr`, (all) =>
      all.map((row) => [...row.querySelectorAll('td')].map((cell) => cell.innerText.trim())))
    const short = rows.filter((row) => row[1] === '不合规')
    assert.ok(short.length > 0, 'the demonstration has violations')
    const metres = short.map((row) => Number(row[2]))
    assert.deepEqual(metres, [...metres].sort((a, b) => b - a), 'the most metres short first')
    assert.ok(short.some((row) => /总容积减至|移/.test(row[3])), 'a cure is told')
    await shot(page, 'planner-compliance')
    await page.click(test('siting-close'))
    assert.deepEqual(faults, [])
  })
})

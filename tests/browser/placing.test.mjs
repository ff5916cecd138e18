// Step 12 of an acceptance day: an enterprise uploads a workbook of users without coordinates, three rows of it wrong. Each
// is named; the corrected file adds only those; the report tells how good the positions are, and what has none is placed by hand.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { base, drawn, launch, mapReady, openMap, shot, signIn, test, until, visit } from './lib.mjs'

/** An XLSX of texts, the first row its header. */
const WORKBOOK = `
import json, sys, zipfile
from xml.sax.saxutils import escape
rows = json.load(sys.stdin)
main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
package = "http://schemas.openxmlformats.org/package/2006/"
cells = lambda i, row: "".join('<c r="%s%d" t="inlineStr"><is><t>%s</t></is></c>' % (chr(65 + k), i, escape(v)) for k, v in enumerate(row) if v)
kind = "application/vnd.openxmlformats-officedocument.spreadsheetml."
with zipfile.ZipFile(sys.argv[1], "w") as archive:
    for name, text in {
        "[Content_Types].xml": '<Types xmlns="%scontent-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Override PartName="/xl/workbook.xml" ContentType="%ssheet.main+xml"/><Override PartName="/xl/worksheets/sheet1.xml" ContentType="%sworksheet+xml"/></Types>' % (package, kind, kind),
        "_rels/.rels": '<Relationships xmlns="%srelationships"><Relationship Id="a" Type="%s/officeDocument" Target="xl/workbook.xml"/></Relationships>' % (package, office),
        "xl/workbook.xml": '<workbook xmlns="%s" xmlns:r="%s"><sheets><sheet name="S" sheetId="1" r:id="a"/></sheets></workbook>' % (main, office),
        "xl/_rels/workbook.xml.rels": '<Relationships xmlns="%srelationships"><Relationship Id="a" Type="%s/worksheet" Target="worksheets/sheet1.xml"/></Relationships>' % (package, office),
        "xl/worksheets/sheet1.xml": '<worksheet xmlns="%s"><sheetData>%s</sheetData></worksheet>' % (main, "".join('<row r="%d">%s</row>' % (i, cells(i, row)) for i, row in enumerate(rows, 1))),
    }.items():
        archive.writestr(name, '<?xml version="1.0" encoding="UTF-8"?>' + text)
`
const HEAD = ['user_no', 'name', 'phone', 'address', 'consumer', 'kind', 'real_name_state', 'inspection_state', 'area_code']

describe('users that come with addresses', () => {
  let browser
  let page
  let map
  let street // one made-up street of the demonstration, up to its door's number
  let area
  let at // of its first door
  let unplaced // records on the map before one is placed
  const records = async () => (await drawn(map, 'lpg.end-users')).records
  const book = join(tmpdir(), `cim-placing-${process.pid}.xlsx`)
  const again = join(tmpdir(), `cim-placing-${process.pid}.csv`)
  const tokens = {}
  const faults = []

  const ask = async (who, path) => {
    tokens[who] ??= (await (await fetch(`${base}/auth/token`, {
      method: 'POST', headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ username: who, password: process.env.CIM_DEMO_PASSWORD }),
    })).json()).access_token
    return (await fetch(base + path, { headers: { Authorization: `Bearer ${tokens[who]}` } })).json()
  }
  const user = async (no) => (await ask('enterprise', `/collections/lpg.end-users/items?f=json&user_no=${no}`)).features[0]
  const row = (no, address, changes = {}) => {
    const values = { user_no: no, name: '示例', phone: '13800000000', address, consumer: 'residential', kind: 'resident', real_name_state: 'verified', inspection_state: 'passed', area_code: area, ...changes }
    return HEAD.map((name) => values[name])
  }

  before(async () => {
    const doors = await ask('enterprise', '/collections/lpg.address-points/items?f=json&limit=1')
    const first = doors.features[0].properties
    street = String(first.address).replace(/\d+号$/, '')
    area = first.area_code
    at = doors.features[0].geometry.coordinates
    const rows = [
      HEAD,
      row('PLACE-1', `${street}13号`),
      row('PLACE-2', `${street}１３号3栋2单元502房`),
      row('PLACE-3', `${street}17号`),
      row('PLACE-4', street),
      row('PLACE-5', '没有这个地方'),
      row('', `${street}13号`),
      row('PLACE-7', `${street}25号`, { phone: '12' }),
      row('PLACE-8', `${street}25号`, { kind: 'casino' }),
    ]
    execFileSync('python3', ['-c', WORKBOOK, book], { input: JSON.stringify(rows) })
    browser = await launch()
    const visitor = await visit(browser, '/admin/#imports')
    page = visitor.page
    faults.push(visitor.faults)
    await signIn(page, 'enterprise')
    await page.waitForSelector(test('import-layer'))
  })
  after(async () => {
    await browser.close()
    await rm(book, { force: true })
    await rm(again, { force: true })
  })

  const number = async (name) => Number((await page.locator(`main ${test(name)}`).first().innerText()).replace(/\D/g, ''))
  const importFile = async (file) => {
    await page.click(test('import-layer'))
    await page.locator('.el-select-dropdown:visible .el-select-dropdown__item', { hasText: 'lpg.end-users' }).first().click()
    await page.setInputFiles(test('import-file'), file)
    await page.waitForSelector(`${test('import-next')}:not([disabled])`)
    await page.click(test('import-next'))
    await page.waitForSelector(test('import-mapping'))
    const partly = page.locator(test('import-row-wise'))
    if (!(await partly.locator('input').isChecked())) await partly.click()
    await page.click(test('import-try'))
    await page.waitForSelector(`${test('import-start')}:not([disabled])`)
  }
  const grades = () => page.locator(`main ${test('import-placed')}`).first().locator('dd').evaluateAll((all) => Object.fromEntries(all.map((dd) => [dd.dataset.grade, Number(dd.textContent)])))

  it('names each wrong row, and tells how good the positions will be', async () => {
    await importFile(book)
    assert.equal(await number('import-refused'), 3)
    const report = await page.locator(`main ${test('import-report')}`).first().innerText()
    for (const field of ['user_no', 'phone', 'kind']) assert.ok(report.includes(field), field)
    assert.deepEqual(await grades(), { door: 2, interpolated: 1, road: 1, none: 1 })
    await shot(page, 'placing-trial')
    await page.click(test('import-start'))
    await page.waitForSelector(test('import-again'))
    assert.equal(await number('import-written'), 5)
    const placed = await user('PLACE-2')
    assert.equal(placed.properties.position_grade, 'door')
    assert.ok(placed.geometry)
    const lost = await user('PLACE-4')
    assert.deepEqual([lost.geometry, lost.properties.position_grade], [null, 'road'])
  })

  it('takes the corrected file, which adds only what was missing', async () => {
    const [download] = await Promise.all([page.waitForEvent('download'), page.click(`main ${test('file-refused.csv')}`)])
    const lines = (await readFile(await download.path(), 'utf8')).split('\n')
    const corrected = lines.map((line) => line.replace('"12"', '"13800000000"').replace('"casino"', '"resident"'))
    const column = corrected[0].split(',').findIndex((name) => name.includes('user_no'))
    const last = corrected.map((line, i) => {
      const cells = line.match(/"(?:[^"]|"")*"|[^,]+|(?<=,)(?=,|$)/g) ?? []
      if (i > 0 && cells.length > column && cells[column].replace(/"/g, '') === '') cells[column] = '"PLACE-6"'
      return cells.join(',')
    })
    await writeFile(again, last.join('\n'))
    await page.click(test('import-again'))
    await importFile(again)
    await page.click(test('import-start'))
    await page.waitForSelector(test('import-again'))
    assert.equal(await number('import-refused'), 0)
    assert.equal(await number('import-written'), 3)
    assert.equal((await user('PLACE-6')).properties.position_grade, 'door')
    await shot(page, 'placing-corrected')
  })

  it('lists what has no good position, and places it by hand', async () => {
    const visitor = await openMap(browser, 'enterprise', `#map=users&v=16.00/${at[1].toFixed(5)}/${at[0].toFixed(5)}`)
    map = visitor.page
    faults.push(visitor.faults)
    await mapReady(map)
    unplaced = await records()
    await map.click(test('tool-placing'))
    const rows = map.locator(test('placing-row'))
    await until('the queue', () => rows.allInnerTexts(), (all) => all.some((text) => text.includes('PLACE-4')) && all.some((text) => text.includes('PLACE-5')))
    assert.match(await rows.filter({ hasText: 'PLACE-4' }).innerText(), /道路/)
    await rows.filter({ hasText: 'PLACE-4' }).click()
    await map.click(test('placing-pick'))
    await shot(map, 'placing-queue')
    const box = await map.locator(test('map')).boundingBox()
    await map.mouse.click(box.x + box.width / 2, box.y + box.height / 2)
    await map.waitForSelector(test('placing-done'))
    await until('the row gone', () => rows.allInnerTexts(), (all) => !all.some((text) => text.includes('PLACE-4')))
    const placed = await user('PLACE-4')
    assert.equal(placed.properties.position_grade, 'manual')
    assert.ok(Math.abs(placed.geometry.coordinates[0] - at[0]) < 0.002 && Math.abs(placed.geometry.coordinates[1] - at[1]) < 0.002)
    await until('one more on the map', records, (n) => n === unplaced + 1)
  })

  it('takes a placing back, and shows the next on the map', async () => {
    await map.click(test('placing-undo'))
    const rows = map.locator(test('placing-row'))
    await until('the row back', () => rows.allInnerTexts(), (all) => all.some((text) => text.includes('PLACE-4')))
    const lost = await user('PLACE-4')
    assert.deepEqual([lost.geometry, lost.properties.position_grade], [null, 'road'])
    await until('as many on the map as before', records, (n) => n === unplaced)
    await rows.filter({ hasText: 'PLACE-4' }).click()
    await map.click(test('placing-pick'))
    const box = await map.locator(test('map')).boundingBox()
    await map.mouse.click(box.x + box.width / 2, box.y + box.height / 2)
    await map.waitForSelector(test('placing-done'))
    await until('one more on the map', records, (n) => n === unplaced + 1)
    await shot(map, 'placing-done')
  })

  it('finds an address from the search box', async () => {
    await map.fill('#map-search', `${street}13号`)
    const found = map.locator('.search-popper:visible li', { hasText: `${street}13号` }).filter({ hasText: '地址' }).first()
    await found.click()
    await until('the map there', () => map.evaluate(() => window.__lpgMap.getCenter().toArray()), ([lon, lat]) => Math.abs(lon - at[0]) < 0.003 && Math.abs(lat - at[1]) < 0.003)
    assert.deepEqual(faults.flat(), [])
  })
})

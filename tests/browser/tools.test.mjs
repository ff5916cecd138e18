import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { launch, mapReady, openMap, shot, test, until } from './lib.mjs'

/** Zooms to the first single point of a layer and gives its place on the page. */
async function singlePoint(page, layer) {
  const id = await page.evaluate(async (collection) => {
    const answer = await fetch(`/collections/${collection}/items?limit=1&area=460100`)
    const feature = (await answer.json()).features[0]
    window.__lpgMap.jumpTo({ center: feature.geometry.coordinates, zoom: 17 })
    return feature.id
  }, layer)
  await mapReady(page)
  const box = await page.locator(test('map')).boundingBox()
  return { id, x: box.x + box.width / 2, y: box.y + box.height / 2 }
}

describe('records, table and tools', () => {
  let browser
  let page
  let faults
  before(async () => {
    browser = await launch()
    ;({ page, faults } = await openMap(browser, 'province'))
  })
  after(() => browser.close())

  it('opens a record by a click, with titles and code names, and Esc closes it', async () => {
    const at = await singlePoint(page, 'lpg.stations')
    await page.mouse.click(at.x, at.y)
    await page.waitForSelector(`${test('drawer')} ${test('field-licence_state')}`)
    const text = await page.innerText(`${test('drawer')} ${test('field-licence_state')}`)
    assert.match(text, /许可状态/)
    assert.match(text, /有效|临期|过期|停业|注销/)
    assert.ok((await page.innerText(test('drawer-title'))).length > 1)
    await shot(page, 'record')
    await page.keyboard.press('Escape')
    await page.waitForSelector(test('drawer'), { state: 'detached' })
    assert.deepEqual(faults, [])
  })

  it('lists what belongs to a record, and goes there', async () => {
    const [uid, fid] = await page.evaluate(async () => {
      const { features } = await (await fetch('/collections/lpg.enterprises/items?limit=1&sortby=-station_count')).json()
      return [features[0].properties.uid, features[0].id]
    })
    const other = await openMap(browser, 'province', `#rec=lpg.enterprises/${fid}`)
    await other.page.click(test('related-lpg.stations'))
    await other.page.waitForSelector(test('related-row'))
    const expected = await page.evaluate(async (id) =>
      (await (await fetch(`/collections/lpg.stations/items?limit=1&enterprise_uid=${id}`)).json()).numberMatched, uid)
    const rows = await other.page.locator(test('related-row')).count()
    assert.equal(rows, Math.min(expected, 20))
    assert.match(await other.page.innerText(test('related-count')), new RegExp(`共 ${expected}`))
    await shot(other.page, 'related')
    await other.page.locator(test('related-row')).first().press('Enter')
    await until('the station', () => other.page.evaluate(() => location.hash), (h) => h.includes('rec=lpg.stations/'))
    assert.deepEqual(other.faults, [])
    await other.context.close()
  })

  it('shows masked values as they come', async () => {
    await page.click(test('theme-users'))
    const at = await singlePoint(page, 'lpg.end-users')
    await page.mouse.click(at.x, at.y)
    await page.waitForSelector(`${test('drawer')} ${test('field-name')}`)
    assert.match(await page.innerText(test('field-name')), /\*/)
    assert.match(await page.innerText(test('field-name')), /已脱敏/)
    await page.click(test('drawer-close'))
    assert.deepEqual(faults, [])
  })

  it('zooms into a cluster', async () => {
    await page.click(test('theme-enterprises'))
    await page.click(test('tool-full'))
    await mapReady(page)
    const spot = await until(
      'a cluster',
      () => page.evaluate(() => {
        const map = window.__lpgMap
        const f = map.queryRenderedFeatures({ layers: ['lpg.stations:cluster'] })[0]
        return f ? { ...map.project(f.geometry.coordinates), zoom: map.getZoom(), id: f.properties.cluster_id, count: f.properties.count } : null
      }),
      (found) => found !== null,
    )
    const cluster = await page.evaluate(
      (id) => fetch(`/apps/lpg/api/cluster?layer=lpg.stations&id=${id}`).then((answer) => answer.json()),
      spot.id,
    )
    assert.equal(cluster.count, spot.count)
    assert.equal(cluster.fids.length, Math.min(cluster.count, 100))
    assert.ok(cluster.zoom > spot.zoom)
    spot.apart = cluster.zoom
    const box = await page.locator(test('map')).boundingBox()
    await page.mouse.click(box.x + spot.x, box.y + spot.y)
    // It goes to the zoom from which on the cluster's records are drawn apart, as the platform says.
    await until('apart', () => page.evaluate(() => window.__lpgMap.getZoom()), (zoom) => zoom >= spot.apart)
    // And on, cluster by cluster, down to a record.
    for (let clicks = 0; clicks < 8 && !(await page.locator(test('drawer-title')).count()); clicks++) {
      await mapReady(page)
      const next = await page.evaluate((fids) => {
        const map = window.__lpgMap
        const layers = ['lpg.stations:mark', 'lpg.stations:cluster']
        const found = map.queryRenderedFeatures({ layers })
        const f = found.find((each) => fids.includes(Number(each.properties.fid))) ?? found[0]
        return f ? map.project(f.geometry.coordinates) : null
      }, cluster.fids)
      assert.ok(next, 'something to click on')
      await page.mouse.click(box.x + next.x, box.y + next.y)
      await page.waitForTimeout(400)
    }
    const opened = await page.evaluate(() => /rec=lpg\.stations\/(\d+)/.exec(location.hash)?.[1])
    assert.ok(cluster.fids.includes(Number(opened)), `${opened} of ${cluster.fids}`)
    await page.click(test('drawer-close'))
    assert.deepEqual(faults, [])
  })

  it('shows the whole island with the inset of the South China Sea islands', async () => {
    await page.click(test('tool-full'))
    await mapReady(page)
    const b = await page.evaluate(() => window.__lpgMap.getBounds().toArray().flat())
    assert.ok(b[0] < 108.6 && b[1] < 18.15 && b[2] > 111.1 && b[3] > 20.2, b.join())
    assert.match(await page.innerText(test('inset')), /南海诸岛/)
    const canvas = await page.locator(`${test('inset')} canvas`).boundingBox()
    assert.ok(canvas.width > 80 && canvas.height > 100)
    await page.click(test('tool-inset'))
    await page.waitForSelector(test('inset'), { state: 'detached' })
    await page.click(test('tool-inset'))
    await page.waitForSelector(test('inset'))
  })

  it('goes back and forth between views', async () => {
    const zoomOf = () => page.evaluate(() => window.__lpgMap.getZoom())
    const start = await zoomOf()
    await page.click(test('tool-zoom-in'))
    await until('zoomed in', zoomOf, (z) => z > start + 0.9)
    await mapReady(page)
    await page.click(test('tool-back'))
    await until('back', zoomOf, (z) => Math.abs(z - start) < 0.01)
    await page.click(test('tool-forward'))
    await until('forward', zoomOf, (z) => z > start + 0.9)
    await page.locator('body').press('-')
    await until('minus key', zoomOf, (z) => Math.abs(z - start) < 0.05)
  })

  it('measures a length that geodesy agrees with', async () => {
    await page.click(test('tool-full'))
    await mapReady(page)
    await page.click(test('tool-distance'))
    const box = await page.locator(test('map')).boundingBox()
    // 海口 to 三亚 by two clicks. On the meridian alone it is 197.4 km, along the parallel 86.1 km.
    const spots = await page.evaluate(() => [[110.3312, 20.031], [109.5082, 18.2479]].map((p) => window.__lpgMap.project(p)))
    await page.mouse.click(box.x + spots[0].x, box.y + spots[0].y)
    await page.waitForTimeout(500)
    await page.mouse.dblclick(box.x + spots[1].x, box.y + spots[1].y)
    const text = await page.innerText(test('measure-value'))
    const km = Number(/([\d.]+) km/.exec(text)?.[1])
    assert.ok(Math.abs(km - 215.4) < 3, `${text} between the two towns`)
    await shot(page, 'measure')
    await page.keyboard.press('Escape')
    await page.waitForSelector(test('measure'), { state: 'detached' })
  })

  it('lists, sorts and pages the records of the map', async () => {
    await page.click(test('tool-table'))
    await page.waitForSelector(`${test('table')} .el-table__row`)
    const range = await page.innerText(test('table-range'))
    const { total } = await (async () => ({ total: Number(/共 ([\d,]+)/.exec(range)[1].replace(/,/g, '')) }))()
    assert.ok(total > 0, range)
    await page.click(`${test('table')} [role=tab]:has-text("站点")`)
    await until('stations listed', () => page.innerText(test('table-range')), (text) => /^1–20 /.test(text))
    await page.click(test('table-next'))
    await until('second page', () => page.innerText(test('table-range')), (text) => /^21–40 /.test(text))
    await shot(page, 'table')
    const begins = { json: '{"ty', csv: 'fid', xlsx: 'PK', shp: 'PK', gpkg: 'SQLite', gdb: 'PK', kml: '<?xm', kmz: 'PK', gml: '<?xm', dxf: '  0' }
    const offered = await page.$$eval(`${test('export-format')} option`, (all) => all.map((each) => each.value))
    assert.deepEqual(offered.sort(), Object.keys(begins).sort()) // of points no parcels
    for (const format of offered) {
      await page.selectOption(test('export-format'), format)
      const [status, head] = await page.evaluate(async (url) => {
        const answer = await fetch(url)
        return [answer.status, (await answer.text()).slice(0, 6)]
      }, await page.getAttribute(test('export'), 'href'))
      assert.deepEqual([status, head.slice(0, begins[format].length)], [200, begins[format]], `${format}: ${head}`)
    }
    await page.click(`${test('table')} .el-table__row >> nth=0`)
    await page.waitForSelector(test('drawer-title'))
    await page.click(test('drawer-close'))
    await page.click(test('tool-table'))
    assert.deepEqual(faults, [])
  })
})

import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { base, drawn, figures, launch, mapReady, openMap, shot, test, until } from './lib.mjs'

const password = process.env.CIM_DEMO_PASSWORD
const items = '/collections/lpg.enterprises/items'

/** The interface as another person uses it at the same time. */
async function as(username) {
  const answer = await fetch(`${base}/auth/token`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ username, password }),
  })
  const { access_token: token } = await answer.json()
  return async (method, path, body, type = 'application/geo+json') => {
    const response = await fetch(base + path, {
      method,
      headers: { Authorization: `Bearer ${token}`, ...(body ? { 'Content-Type': type } : {}) },
      body: body ? JSON.stringify(body) : undefined,
    })
    assert.ok(response.ok, `${method} ${path}: ${response.status} ${response.ok ? '' : await response.text()}`)
    return response
  }
}

const enterprise = (coordinates, area_code) => ({
  type: 'Feature',
  geometry: { type: 'Point', coordinates },
  properties: {
    name: '实时推送测试企业',
    org_code: `LIVE${Date.now()}${Math.floor(Math.random() * 1000)}`,
    kind: 'integrated',
    licence_state: 'valid',
    area_code,
  },
})

describe('an edit elsewhere', () => {
  let browser
  let page
  let faults
  let send
  before(async () => {
    browser = await launch()
    ;({ page, faults } = await openMap(browser, 'haikou'))
    send = await as('admin')
    await page.waitForSelector(`${test('live')}.on`)
  })
  after(() => browser.close())

  it('shows on an open map without being asked for, and goes again', async () => {
    const before = await figures(page, 'lpg.enterprises')
    const made = await send('POST', items, enterprise([110.33, 20.03], '460105'))
    const where = new URL(made.headers.get('Location')).pathname
    await until('one more in the tree', () => figures(page, 'lpg.enterprises'), (f) => f.total === before.total + 1, 5000)
    await until('one more on the map', () => drawn(page, 'lpg.enterprises'), (d) => d.records >= 1, 5000)
    await send('DELETE', where)
    await until('as before', () => figures(page, 'lpg.enterprises'), (f) => f.total === before.total, 5000)
    assert.deepEqual(faults, [])
  })

  it('of another county never reaches it', async () => {
    const asked = []
    await new Promise((resolve) => setTimeout(resolve, 2500)) // what the edits before brought about
    page.on('request', (request) => asked.push(new URL(request.url()).pathname))
    const made = await send('POST', items, enterprise([109.51, 18.25], '460200'))
    await new Promise((resolve) => setTimeout(resolve, 1500))
    await send('DELETE', new URL(made.headers.get('Location')).pathname)
    await new Promise((resolve) => setTimeout(resolve, 1500))
    assert.deepEqual(asked.filter((path) => path.includes('lpg.enterprises')), [])
  })

  it('changes the record that is open', async () => {
    const made = await send('POST', items, enterprise([110.33, 20.03], '460105'))
    const where = new URL(made.headers.get('Location')).pathname
    const fid = where.split('/').pop()
    const other = await openMap(browser, 'haikou', `#rec=lpg.enterprises/${fid}`)
    const name = () => other.page.innerText(test('drawer'))
    await until('the record', name, (text) => text.includes('实时推送测试企业'))
    await other.page.waitForSelector(`${test('live')}.on`)
    await send('PATCH', where, { properties: { name: '改了名的企业' } }, 'application/merge-patch+json')
    await until('its new name', name, (text) => text.includes('改了名的企业'), 5000)
    await send('DELETE', where)
  })

  it('made in one page shows in another', async () => {
    const writer = await openMap(browser, 'admin')
    const before = await figures(page, 'lpg.enterprises')
    // With the session of the page, as a form in it would.
    const asked = (method, path, body) => writer.page.evaluate(async ([verb, to, json]) => {
      const { csrf } = await (await fetch('/auth/me')).json()
      const answer = await fetch(to, {
        method: verb,
        headers: { 'X-CSRF-Token': csrf, ...(json ? { 'Content-Type': 'application/geo+json' } : {}) },
        body: json && JSON.stringify(json),
      })
      return { status: answer.status, location: answer.headers.get('Location'), text: await answer.text() }
    }, [method, path, body])
    const made = await asked('POST', items, enterprise([110.33, 20.03], '460105'))
    assert.equal(made.status, 201, made.text)
    for (const each of [page, writer.page]) {
      await until('one more in both', () => figures(each, 'lpg.enterprises'), (f) => f.total >= before.total + 1, 5000)
    }
    assert.equal((await asked('DELETE', new URL(made.location, base).pathname)).status, 204)
    await until('as before', () => figures(page, 'lpg.enterprises'), (f) => f.total === before.total, 5000)
    assert.deepEqual([...faults, ...writer.faults], [])
    await writer.context.close()
  })

  it('of another county is in nothing that a county page gets, wherever it looks', async () => {
    const made = await send('POST', items, { ...enterprise([109.51, 18.25], '460200'), properties: {
      ...enterprise([0, 0], '460200').properties, name: '别处的企业暗号' } })
    const where = new URL(made.headers.get('Location')).pathname
    const bodies = []
    const take = (response) => bodies.push(response.body().then((body) => [response.url(), body], () => null))
    page.on('response', take)
    for (const zoom of [8, 12, 16]) {
      await page.evaluate((z) => window.__lpgMap.jumpTo({ center: [109.51, 18.25], zoom: z }), zoom)
      await mapReady(page)
      if (zoom > 8) assert.equal((await drawn(page, 'lpg.enterprises')).records, 0)
    }
    await page.click(test('tool-table'))
    await page.waitForSelector(`${test('table')} .el-table__row`)
    await page.click(test('tool-table'))
    page.off('response', take)
    const got = (await Promise.all(bodies)).filter(Boolean)
    assert.ok(got.some(([url]) => url.includes('/collections/lpg.enterprises/')), 'something was asked for')
    for (const [url, body] of got) assert.ok(!body.includes('别处的企业暗号'), url)
    // The words are there for whoever may read them, so that they would have been found.
    const own = await openMap(browser, 'province', '#v=16.00/18.25000/109.51000')
    const names = await own.page.evaluate(() => window.__lpgMap.queryRenderedFeatures().map((f) => f.properties.name))
    assert.ok(names.includes('别处的企业暗号'), names.join())
    await own.context.close()
    await send('DELETE', where)
  })
})

describe('records that lie in one place', () => {
  let browser
  before(async () => (browser = await launch()))
  after(() => browser.close())

  it('open from their cluster one after the other, for no zoom draws them apart', async () => {
    const send = await as('admin')
    const place = [110.2051, 19.5377]
    const made = []
    for (let i = 0; i < 3; i++) {
      const answer = await send('POST', items, enterprise(place, '469022'))
      made.push(new URL(answer.headers.get('Location')).pathname)
    }
    const fids = made.map((path) => Number(path.split('/').pop()))
    const { page, faults } = await openMap(browser, 'province', `#v=11.00/${place[1]}/${place[0]}`)
    const spot = await until(
      'their cluster',
      () => page.evaluate(([lon, lat]) => {
        const map = window.__lpgMap
        const at = map.project([lon, lat])
        const box = [[at.x - 40, at.y - 40], [at.x + 40, at.y + 40]]
        const f = map.queryRenderedFeatures(box, { layers: ['lpg.enterprises:cluster'] })[0]
        return f ? { ...map.project(f.geometry.coordinates), count: f.properties.count } : null
      }, place),
      (found) => found !== null,
    )
    assert.equal(spot.count, 3)
    const box = await page.locator(test('map')).boundingBox()
    await page.mouse.click(box.x + spot.x, box.y + spot.y)
    await page.waitForSelector(test('drawer-title'))
    const seen = new Set()
    for (let i = 0; i < 3; i++) {
      const hash = await until('a record', () => page.evaluate(() => location.hash), (h) => /rec=lpg\.enterprises\/\d+/.test(h) && !seen.has(h))
      seen.add(hash)
      if (i === 0) await shot(page, 'one-place')
      await page.click(test('hit-next'))
    }
    assert.deepEqual([...seen].map((h) => Number(/rec=lpg\.enterprises\/(\d+)/.exec(h)[1])).sort(), fids.sort())
    assert.match(await page.innerText(test('drawer')), /\d \/ 3/)
    assert.deepEqual(faults, [])
    await page.context().close() // an open record asks for itself when it changes: it would not find it
    for (const path of made) await send('DELETE', path)
  })
})

import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { base, drawn, figures, launch, openMap, test, until } from './lib.mjs'

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
})

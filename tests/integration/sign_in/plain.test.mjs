// Portals without ID tokens: plain OAuth 2 (here the same real provider, asked for nothing but its user information) and tickets.
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { after, before, describe, it } from 'node:test'
import { Browser, freePort, Platform } from './platform.mjs'
import { CLIENT, SECRET, startProvider, walk } from './provider.mjs'

describe('providers without ID tokens', () => {
  const people = { zhao: { preferred_username: 'zhao.yi', name: '赵一', groups: ['g'], department: '市燃气办' } }
  const tickets = new Map()
  const asked = []
  let platform, idp, portal, portalUrl, url

  before(async () => {
    platform = new Platform()
    const port = await freePort()
    url = `http://127.0.0.1:${port}`
    idp = await startProvider(people, { callback: [`${url}/auth/callback/plain`], logout: [], backchannel: undefined })
    portal = createServer((request, response) => {
      const { searchParams } = new URL(request.url, portalUrl)
      asked.push(Object.fromEntries(searchParams))
      const user = tickets.get(searchParams.get('ticket'))
      tickets.delete(searchParams.get('ticket'))
      response.writeHead(200, { 'Content-Type': 'application/json' })
      response.end(JSON.stringify(user ? { code: 0, data: user } : { code: 401, data: null }))
    })
    await new Promise((resolve) => portal.listen(0, '127.0.0.1', resolve))
    portalUrl = `http://127.0.0.1:${portal.address().port}`
    const file = platform.file('providers.json', JSON.stringify({
      providers: [
        {
          id: 'plain', kind: 'oauth2', title: { zh: '门户', en: 'Portal' }, client_id: CLIENT, client_secret: SECRET, create: true,
          authorization_endpoint: `${idp.issuer}/auth`, token_endpoint: `${idp.issuer}/token`, userinfo_endpoint: `${idp.issuer}/me`,
          claims: { org: 'department' }, roles: [{ claim: 'groups', value: 'g', role: 'auditor', areas: ['46'] }],
        },
        {
          id: 'ticket', kind: 'ticket', title: { zh: '票据', en: 'Tickets' }, client_id: 'app/1', create: true,
          authorization_endpoint: `${portalUrl}/login`,
          userinfo_endpoint: `${portalUrl}/user?app=1&ticket={ticket}&service={redirect_uri}`,
          claims: { subject: 'data.userId', username: 'data.loginName', name: 'data.name' },
        },
      ],
    }))
    await platform.serve(`--http.port=${port}`, `--sign_in.providers=${file}`)
  })
  after(async () => {
    await platform.close()
    await idp.close()
    await new Promise((resolve) => portal.close(resolve))
  })
  const me = async (browser) => {
    const answer = await browser.go(`${url}/auth/me`)
    return answer.status === 200 ? answer.json() : null
  }

  it('plain OAuth 2: who the user information names', async () => {
    const browser = new Browser()
    const callback = await walk(browser, `${url}/auth/login/plain`, 'zhao', (at) => at.startsWith(`${url}/auth/callback/`))
    const answer = await browser.go(callback)
    assert.equal(answer.status, 303)
    const who = await me(browser)
    assert.equal(who.username, 'zhao.yi')
    assert.equal(who.org, '市燃气办')
    assert.deepEqual([who.roles, who.areas], [['auditor'], ['46']])
    const again = new Browser()
    assert.equal((await again.go(callback)).status, 401, 'not in another browser')
  })

  async function withTicket(browser, ticket, change = (address) => address) {
    const start = await browser.go(`${url}/auth/login/ticket`)
    const to = new URL(start.headers.get('location'))
    assert.equal(to.searchParams.get('client_id'), 'app/1')
    const back = change(new URL(to.searchParams.get('redirect_uri')))
    back.searchParams.set('ticket', ticket)
    return { answer: await browser.go(back.href), service: to.searchParams.get('redirect_uri') }
  }

  it('tickets: the platform asks whose it is, a number names the person', async () => {
    const browser = new Browser()
    tickets.set('T 1&x', { userId: 1234567890123, loginName: 'qian.er', name: '钱二' })
    const { answer, service } = await withTicket(browser, 'T 1&x')
    assert.equal(answer.status, 303)
    assert.equal((await me(browser)).display_name, '钱二')
    assert.deepEqual(asked.at(-1), { app: '1', ticket: 'T 1&x', service })
  })

  it('tickets: unknown ones, used ones and those of another beginning let nobody in', async () => {
    for (const [ticket, change] of [['never', undefined], ['T 1&x', undefined], ['T2', (address) => {
      address.searchParams.set('state', 'f'.repeat(64))
      return address
    }]]) {
      tickets.set('T2', { userId: 2, loginName: 'sun.san', name: '孙三' })
      const browser = new Browser()
      const { answer } = await withTicket(browser, ticket, change)
      assert.equal(answer.status, 401, ticket)
      assert.equal(await me(browser), null)
    }
    await platform.audited('oidc', /"reason":"sub"[\s\S]*"result":"refused"/)
  })

  it('tells of no logout and takes none', async () => {
    assert.equal((await fetch(`${url}/auth/backchannel/ticket`, { method: 'POST', body: 'logout_token=x' })).status, 404)
  })
})

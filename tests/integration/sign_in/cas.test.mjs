// CAS 3 at a real server: attributes, tickets that count once, single logout; and servers that lie.
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { after, before, describe, it } from 'node:test'
import { Browser, freePort, Platform } from './platform.mjs'
import { signInThere, startCas, WORD } from './cas_server.mjs'

const success = (user, more = '') => `<cas:serviceResponse xmlns:cas="http://www.yale.edu/tp/cas">
  <cas:authenticationSuccess><cas:user>${user}</cas:user>${more}</cas:authenticationSuccess></cas:serviceResponse>`

describe('CAS', () => {
  const people = {
    'zhao.yi': { name: '赵一', department: '市燃气办', groups: ['staff', 'lpg'], area_codes: ['460105'] },
    'qian.er': { name: '钱二', groups: ['staff'] },
  }
  let platform, cas, liar, url, port, answers, asked

  before(async () => {
    platform = new Platform()
    port = await freePort()
    url = `http://127.0.0.1:${port}`
    cas = await startCas(people, [`${url}/auth/callback/cas`, 'http://127.0.0.1:1/other'])
    answers = []
    asked = []
    liar = createServer((request, response) => {
      asked.push(new URL(request.url, 'http://x').searchParams)
      const answer = answers.shift() ?? { status: 500, text: '' }
      response.writeHead(answer.status ?? 200, { 'Content-Type': 'application/xml' })
      response.end(answer.text)
    })
    await new Promise((resolve) => liar.listen(0, '127.0.0.1', resolve))
    const roles = [{ claim: 'groups', value: 'lpg', role: 'auditor', areas_claim: 'area_codes' }]
    const claims = { name: 'name', org: 'department' }
    const file = platform.file('providers.json', JSON.stringify({
      providers: [
        { id: 'cas', kind: 'cas', title: { zh: '统一认证', en: 'CAS' }, server: cas.url, create: true, claims, roles },
        { id: 'liar', kind: 'cas', title: { zh: '谎', en: 'Liar' }, server: `http://127.0.0.1:${liar.address().port}/cas/`, create: true, claims },
      ],
    }))
    await platform.serve(`--http.port=${port}`, `--sign_in.providers=${file}`)
  })
  after(async () => {
    await platform.close()
    await cas.close()
    await new Promise((resolve) => liar.close(resolve))
  })

  const me = async (browser) => {
    const answer = await browser.go(`${url}/auth/me`)
    return answer.status === 200 ? answer.json() : null
  }
  const begin = async (browser, id = 'cas') => (await browser.go(`${url}/auth/login/${id}?return=/portal/`)).headers.get('location')

  it('lets in whom the server names, with attributes as name, organisation, role and areas', async () => {
    const browser = new Browser()
    const callback = await signInThere(browser, await begin(browser), 'zhao.yi')
    const answer = await browser.go(callback)
    assert.equal(answer.status, 303, await answer.text())
    assert.equal(answer.headers.get('location'), '/portal/')
    const who = await me(browser)
    assert.deepEqual([who.username, who.display_name, who.org, who.roles, who.areas], ['zhao.yi', '赵一', '市燃气办', ['auditor'], ['460105']])
    const second = new Browser()
    await second.go(await signInThere(second, await begin(second), 'qian.er'))
    assert.deepEqual((await me(second)).roles, [])
  })

  it('a ticket counts once, in the browser that began, for this platform', async () => {
    const browser = new Browser()
    const callback = await signInThere(browser, await begin(browser), 'zhao.yi')
    const stranger = new Browser()
    assert.equal((await stranger.go(callback)).status, 401, 'another browser')
    assert.equal(await me(stranger), null)
    assert.equal((await browser.go(callback)).status, 303)
    assert.equal((await browser.go(callback)).status, 401, 'once more')
    // A ticket that was used, in a sign-in that was just begun by somebody else.
    const thief = new Browser()
    const service = new URL(new URL(await begin(thief)).searchParams.get('service'))
    service.searchParams.set('ticket', new URL(callback).searchParams.get('ticket'))
    assert.equal((await thief.go(service.href)).status, 401)
    assert.equal(await me(thief), null)
    // A fresh one that the server gave for another site.
    const elsewhere = new Browser()
    const given = new URL(await signInThere(elsewhere, `${cas.url}/login?service=${encodeURIComponent('http://127.0.0.1:1/other')}`, 'zhao.yi'))
    const mine = new URL(new URL(await begin(elsewhere)).searchParams.get('service'))
    mine.searchParams.set('ticket', given.searchParams.get('ticket'))
    assert.equal((await elsewhere.go(mine.href)).status, 401)
    await platform.audited('oidc', /"reason":"ticket"[\s\S]*"result":"refused"/)
  })

  it('forged tickets and wrong passwords let nobody in', async () => {
    const browser = new Browser()
    assert.equal(await signInThere(browser, await begin(browser), 'zhao.yi', `${WORD}x`).catch(() => null), null)
    for (const ticket of ['ST-forged-1', 'PT-1-proxy', 'x', 'ST-', `ST-${'a'.repeat(300)}`, 'ST-1&pgtUrl=https://evil']) {
      const other = new Browser()
      const service = new URL(new URL(await begin(other)).searchParams.get('service'))
      service.searchParams.set('ticket', ticket)
      assert.equal((await other.go(service.href)).status, 401, ticket)
      assert.equal(await me(other), null)
    }
  })

  it('signing out there ends the session here, and here asks there', async () => {
    const browser = new Browser()
    await browser.go(await signInThere(browser, await begin(browser), 'zhao.yi'))
    const other = new Browser()
    await other.go(await signInThere(other, await begin(other), 'zhao.yi'))
    assert.ok(await me(browser))
    await browser.go(`${cas.url}/logout`) // its server tells the platform
    for (let i = 0; i < 100 && (await me(browser)) !== null; i++) await new Promise((resolve) => setTimeout(resolve, 50))
    assert.equal(await me(browser), null)
    assert.ok(await me(other), 'the sign-in in another browser goes on')
    await platform.audited('cas.logout', /"result":"ok"/)
    const { csrf } = await me(other)
    const left = await other.go(`${url}/auth/logout`, { method: 'POST', headers: { 'X-CSRF-Token': csrf } })
    const text = await left.text()
    assert.match(text, new RegExp(`${cas.url}/logout\\?service=`))
  })

  it('a logout request that is none, or names no session, ends nothing', async () => {
    const browser = new Browser()
    await browser.go(await signInThere(browser, await begin(browser), 'qian.er'))
    const post = (body) => fetch(`${url}/auth/callback/cas`, { method: 'POST', body, headers: { 'Content-Type': 'application/x-www-form-urlencoded' } })
    const saml = (inner, name = 'LogoutRequest') =>
      `logoutRequest=${encodeURIComponent(`<samlp:${name} xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol">${inner}</samlp:${name}>`)}`
    for (const body of ['', 'x', 'logoutRequest=', 'logoutRequest=%3Cx%3E', saml(''), saml('<samlp:SessionIndex>x</samlp:SessionIndex>'),
      saml('<samlp:SessionIndex>ST-1</samlp:SessionIndex>', 'Response'),
      `logoutRequest=${encodeURIComponent('<!DOCTYPE x [<!ENTITY a "ST-1">]><samlp:LogoutRequest xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol"><samlp:SessionIndex>&a;</samlp:SessionIndex></samlp:LogoutRequest>')}`]) {
      assert.equal((await post(body)).status, 400, body)
    }
    assert.equal((await post(saml('<samlp:SessionIndex>ST-of-nobody</samlp:SessionIndex>'))).status, 200)
    assert.ok(await me(browser))
  })

  it('what a server says is read with care', async () => {
    const cases = {
      'a refusal': [{ text: '<cas:serviceResponse xmlns:cas="http://www.yale.edu/tp/cas"><cas:authenticationFailure code="INVALID_TICKET">no</cas:authenticationFailure></cas:serviceResponse>' }, 401],
      'somebody who came by a proxy': [{ text: success('x', '<cas:proxies><cas:proxy>https://p</cas:proxy></cas:proxies>') }, 401],
      'nobody': [{ text: success('') }, 401],
      'success and failure at once': [{ text: success('x').replace('</cas:serviceResponse>', '<cas:authenticationFailure code="X"/></cas:serviceResponse>') }, 503],
      'another namespace': [{ text: success('x').replace('yale.edu', 'evil.example') }, 503],
      'a document type': [{ text: `<!DOCTYPE a [<!ENTITY b "x">]>${success('&b;')}` }, 503],
      'unfinished': [{ text: success('x').slice(0, -20) }, 503],
      'too deep': [{ text: success('x', '<a>'.repeat(50) + '</a>'.repeat(50)) }, 503],
      'too much': [{ text: success('x'.repeat(5000)) }, 503],
      'an error': [{ status: 500, text: success('x') }, 503],
    }
    for (const [name, [answer, status]] of Object.entries(cases)) {
      const browser = new Browser()
      answers = [answer]
      const service = new URL(new URL(await begin(browser, 'liar')).searchParams.get('service'))
      service.searchParams.set('ticket', 'ST-1')
      assert.equal((await browser.go(service.href)).status, status, name)
      assert.equal(await me(browser), null, name)
      assert.deepEqual([...asked.at(-1).keys()], ['service', 'ticket'], 'no proxy is asked for')
    }
  })
})

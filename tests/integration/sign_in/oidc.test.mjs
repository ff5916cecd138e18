// Signing in at a real provider, and out of it.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { Browser, freePort, PASSWORD, Platform } from './platform.mjs'
import { CLIENT, SECRET, startProvider, walk } from './provider.mjs'

const people = {
  zhao: { preferred_username: 'zhao.yi', name: '赵一', groups: ['lpg-regulators', 'other'], areas: ['4601', '*', 'x y'], department: '市燃气办' },
  qian: { preferred_username: 'admin', name: '钱二', groups: [] },
  sun: { preferred_username: 'no good name!', name: '孙三', groups: [] },
  li: { preferred_username: 'li.si', name: '李四', groups: ['lpg-regulators'], areas: '460105' },
}

describe('OpenID Connect with a real provider', () => {
  let platform, idp, url
  const settings = (more = {}) => ({
    id: 'gov',
    title: { zh: '政务统一认证', en: 'Government sign-in' },
    issuer: idp.issuer,
    client_id: CLIENT,
    client_secret: SECRET,
    claims: { org: 'department' },
    create: true,
    roles: [{ claim: 'groups', value: 'lpg-regulators', role: 'auditor', areas_claim: 'areas' }],
    ...more,
  })

  before(async () => {
    platform = new Platform()
    platform.addUser('admin', 'platform-admin')
    const port = await freePort()
    url = `http://127.0.0.1:${port}`
    idp = await startProvider(people, {
      callback: [`${url}/auth/callback/gov`],
      logout: [`${url}/admin/`],
      backchannel: `${url}/auth/backchannel/gov`,
    })
    const file = platform.file('providers.json', JSON.stringify({ providers: [settings()] }))
    await platform.serve(`--http.port=${port}`, `--sign_in.providers=${file}`)
  })
  after(async () => {
    await platform.close()
    await idp.close()
  })

  const isBack = (address) => address.startsWith(`${url}/auth/callback/`)
  const begin = (back = '/admin/') => `${url}/auth/login/gov?return=${encodeURIComponent(back)}`

  /** The whole way; the answer of the callback. */
  async function signIn(browser, login, back) {
    const callback = await walk(browser, begin(back), login, isBack)
    return browser.go(callback)
  }
  const me = async (browser) => {
    const answer = await browser.go(`${url}/auth/me`)
    return answer.status === 200 ? answer.json() : null
  }

  it('is offered on the sign-in page', async () => {
    const { providers } = await (await fetch(`${url}/auth/providers`)).json()
    assert.deepEqual(providers, [{ id: 'gov', zh: '政务统一认证', en: 'Government sign-in' }])
  })

  it('signs in with name, organisation and the roles of the mapping, and goes where it was asked', async () => {
    const browser = new Browser()
    const answer = await signIn(browser, 'zhao', '/apps/lpg/?x=1#no')
    assert.equal(answer.status, 303)
    assert.equal(answer.headers.get('location'), '/apps/lpg/?x=1#no')
    const who = await me(browser)
    assert.equal(who.username, 'zhao.yi')
    assert.equal(who.display_name, '赵一')
    assert.equal(who.org, '市燃气办')
    assert.deepEqual(who.roles, ['auditor'])
    assert.deepEqual(who.areas, ['4601'], 'what is no code, and *, gives nothing')
    const { line } = browser.cookie(url, 'cim_session')
    assert.match(line, /HttpOnly; SameSite=Strict/)
    assert.equal(browser.cookie(url, 'cim_flow'), undefined, 'what the sign-in needed is gone')
  })

  it('follows what the provider says at the next sign-in', async () => {
    const browser = new Browser()
    people.zhao = { ...people.zhao, name: '赵一一', groups: ['other'], preferred_username: 'renamed' }
    assert.equal((await signIn(browser, 'zhao')).status, 303)
    const who = await me(browser)
    assert.equal(who.username, 'zhao.yi', 'the account stays that of the subject')
    assert.equal(who.display_name, '赵一一')
    assert.deepEqual(who.roles, [])
  })

  it('gives nobody an account of somebody else, nor a name that is none', async () => {
    for (const [login, param] of [['qian', 'name'], ['sun', 'name']]) {
      const browser = new Browser()
      const answer = await signIn(browser, login)
      assert.equal(answer.status, 401)
      const page = await answer.text()
      assert.match(page, /登录未完成[\s\S]*href="\/admin\/"/)
      assert.equal(await me(browser), null)
      await platform.audited('oidc', new RegExp(`"reason":"${param}"`))
    }
  })

  it('takes no callback twice, of no other browser, and none that was not begun', async () => {
    const browser = new Browser()
    const before = { state: await platform.refusals('oidc', 'state'), code: await platform.refusals('oidc', 'code') }
    const callback = await walk(browser, begin(), 'li', isBack)
    const stranger = new Browser()
    assert.equal((await stranger.go(callback)).status, 401, 'another browser')
    assert.equal(await me(stranger), null)
    const wrong = new URL(callback)
    wrong.searchParams.set('state', 'f'.repeat(64))
    const flow = browser.cookie(url, 'cim_flow')
    assert.equal((await browser.go(wrong.href)).status, 401, 'another state')
    assert.equal(await me(browser), null)
    browser.jars.get(new URL(url).origin).set('cim_flow', flow)
    assert.equal((await browser.go(callback)).status, 303)
    assert.equal((await me(browser)).username, 'li.si')
    const replay = new Browser()
    replay.jars.set(new URL(url).origin, new Map([['cim_flow', flow]]))
    assert.equal((await replay.go(callback)).status, 401, 'the code counts once')
    assert.equal(await me(replay), null)
    assert.equal(await platform.refusals('oidc', 'state', before.state + 2), before.state + 2, 'another browser, another state')
    assert.equal(await platform.refusals('oidc', 'code', before.code + 1), before.code + 1)
  })

  it('leads to no other site, and adds no header', async () => {
    const ways = ['https://evil.example/', '//evil.example/', '/\\evil.example', '/a\r\nX: y', 'admin', '/%0d%0a' + '\u0001']
    const before = await platform.refusals('oidc', 'return')
    for (const back of ways) {
      const answer = await fetch(begin(back), { redirect: 'manual' })
      assert.equal(answer.status, 400, back)
      assert.equal((await answer.json()).param, 'return')
      assert.deepEqual([answer.headers.get('x'), answer.headers.get('location')], [null, null])
    }
    assert.equal(await platform.refusals('oidc', 'return', before + ways.length), before + ways.length, 'each in the audit')
  })

  it('says so when the person cancels', async () => {
    const browser = new Browser()
    const start = await browser.go(begin())
    const state = new URL(start.headers.get('location')).searchParams.get('state')
    const answer = await browser.go(`${url}/auth/callback/gov?error=access_denied&state=${state}`)
    assert.equal(answer.status, 401)
    assert.match(await answer.text(), /取消/)
    await platform.audited('oidc', /"reason":"error"/)
  })

  it('ends the sign-ins here when the provider ends them, and asks it to', async () => {
    const browser = new Browser()
    const other = new Browser()
    assert.equal((await signIn(browser, 'li')).status, 303)
    assert.equal((await signIn(other, 'li')).status, 303)
    const who = await me(browser)
    const out = await browser.go(`${url}/auth/logout`, { method: 'POST', headers: { 'X-CSRF-Token': who.csrf } })
    assert.equal(out.status, 200)
    const { logout_url: next } = await out.json()
    assert.ok(next.startsWith(`${idp.issuer}/session/end?`))
    assert.equal(await me(browser), null)
    // The provider's page asks; whoever agrees is signed out there, and it tells the platform.
    const page = await (await other.go(next)).text()
    const action = /action="([^"]+)"/.exec(page)[1]
    const xsrf = /name="xsrf" value="([^"]+)"/.exec(page)[1]
    assert.ok(await me(other), 'before')
    const done = await other.go(new URL(action, idp.issuer).href, {
      method: 'POST', body: new URLSearchParams({ xsrf, logout: 'yes' }),
    })
    assert.equal(done.status, 303)
    assert.equal(done.headers.get('location'), `${url}/admin/`)
    assert.equal(await me(other), null, 'after')
    await platform.audited('oidc.logout', /"result":"ok"/)
  })

  it('leaves the local sign-in there when the provider is away', async () => {
    const away = new Platform()
    try {
      away.addUser('admin', 'platform-admin')
      const port = await freePort()
      const file = away.file('providers.json', JSON.stringify({
        providers: [settings({ issuer: `http://127.0.0.1:${port}` })],
      }))
      await away.serve(`--sign_in.providers=${file}`)
      const answer = await fetch(`${away.url}/auth/login/gov`, { redirect: 'manual' })
      assert.equal(answer.status, 503)
      assert.match(await answer.text(), /统一认证系统暂时没有正常应答[\s\S]*local account/)
      assert.equal(await away.refusals('oidc', 'provider', 1), 1)
      const local = await fetch(`${away.url}/auth/login`, {
        method: 'POST', headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ username: 'admin', password: PASSWORD }),
      })
      assert.equal(local.status, 200)
    } finally {
      await away.close()
    }
  })
})

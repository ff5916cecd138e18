// A second factor that is owed here after a provider, and one that the provider vouches for.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { Browser, freePort, Platform } from './platform.mjs'
import { CLIENT, SECRET, startProvider, walk } from './provider.mjs'

describe('steps after a provider', () => {
  const people = {
    zhao: { preferred_username: 'zhao.yi', name: '赵一', groups: [] },
    qian: { preferred_username: 'qian.er', name: '钱二', groups: ['with-a-key'] },
  }
  let platform, idp, url

  before(async () => {
    platform = new Platform()
    const port = await freePort()
    url = `http://127.0.0.1:${port}`
    idp = await startProvider(people, {
      callback: [`${url}/auth/callback/gov`], logout: [], backchannel: `${url}/auth/backchannel/gov`,
    })
    const file = platform.file('providers.json', JSON.stringify({
      providers: [{
        id: 'gov', title: { zh: '甲', en: 'A' }, issuer: idp.issuer, client_id: CLIENT, client_secret: SECRET, create: true,
        claims: { factor: 'groups', factor_value: 'with-a-key' },
      }],
    }))
    await platform.serve(`--http.port=${port}`, `--sign_in.providers=${file}`, '--sign_in.second_factor=all')
  })
  after(async () => {
    await platform.close()
    await idp.close()
  })

  async function signIn(login, back) {
    const browser = new Browser()
    const callback = await walk(browser, `${url}/auth/login/gov?return=${encodeURIComponent(back)}`, login,
      (at) => at.startsWith(`${url}/auth/callback/`))
    const answer = await browser.go(callback)
    assert.equal(answer.status, 303)
    return { browser, location: answer.headers.get('location') }
  }

  for (const [back, location] of [['/admin/', '/admin/?sign_in=step'], ['/admin/#users', '/admin/?sign_in=step#users'],
    ['/apps/lpg/?a=b#c?d', '/apps/lpg/?a=b&sign_in=step#c?d']]) {
    it(`are owed before ${back} opens`, async () => {
      const { browser, location: to } = await signIn('zhao', back)
      assert.equal(to, location)
      assert.equal((await browser.go(`${url}/auth/me`)).status, 401)
      const step = await (await browser.go(`${url}/auth/step`)).json()
      assert.deepEqual([step.username, step.step], ['zhao.yi', 'factor'])
      const headers = { 'X-CSRF-Token': step.csrf, 'Content-Type': 'application/json' }
      const begun = await browser.go(`${url}/auth/factor/begin`, { method: 'POST', headers, body: '{}' })
      assert.match((await begun.json()).uri, /^otpauth:\/\/totp\/CIM:zhao\.yi\?/)
      const { 'X-CSRF-Token': token, ...without } = headers
      assert.ok(token)
      assert.equal((await browser.go(`${url}/auth/factor/begin`, { method: 'POST', headers: without, body: '{}' })).status, 403)
    })
  }

  it('are not owed when the provider vouches for a second factor', async () => {
    const { browser, location } = await signIn('qian', '/admin/#users')
    assert.equal(location, '/admin/#users')
    assert.equal((await browser.go(`${url}/auth/me`)).status, 200)
  })
})

// Signing in to the console at a real OpenID Connect provider, with a second factor that is owed here, and at a real CAS
// server; and out of both.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { startCas, WORD } from '../integration/sign_in/cas_server.mjs'
import { freePort, Platform } from '../integration/sign_in/platform.mjs'
import { CLIENT, SECRET, startProvider } from '../integration/sign_in/provider.mjs'
import { launch, shot, test, totp, until } from './lib.mjs'

describe('signing in at a provider', () => {
  const people = { zhao: { preferred_username: 'zhao.yi', name: '赵一', groups: ['admins'] } }
  let browser, platform, idp, cas, url
  before(async () => {
    browser = await launch()
    platform = new Platform()
    const port = await freePort()
    url = `http://127.0.0.1:${port}`
    idp = await startProvider(people, {
      callback: [`${url}/auth/callback/gov`],
      logout: [`${url}/admin/`],
      backchannel: `${url}/auth/backchannel/gov`,
    })
    cas = await startCas({ 'qian.er': { name: '钱二', groups: ['staff'] } }, [`${url}/auth/callback/cas`])
    const file = platform.file('providers.json', JSON.stringify({
      providers: [{
        id: 'gov', title: { zh: '政务统一认证', en: 'Government sign-in' }, issuer: idp.issuer, client_id: CLIENT,
        client_secret: SECRET, create: true,
        roles: [{ claim: 'groups', value: 'admins', role: 'platform-admin', areas: ['*'] }],
      }, {
        id: 'cas', kind: 'cas', title: { zh: '单位统一认证', en: 'CAS' }, server: cas.url, create: true, claims: { name: 'name' },
      }],
    }))
    await platform.serve(`--http.port=${port}`, `--sign_in.providers=${file}`, '--sign_in.second_factor=administrators')
  })
  after(async () => {
    await browser.close()
    await platform.close()
    await idp.close()
    await cas.close()
  })

  it('leads there, back to the page that was asked for, and out again', async () => {
    const context = await browser.newContext({ locale: 'zh-CN' })
    const page = await context.newPage()
    const faults = []
    page.on('pageerror', (error) => faults.push(error.message))
    await page.goto(`${url}/admin/#users`)
    await page.waitForSelector(test('provider-gov'))
    await shot(page, 'provider-offered')
    await page.click(test('provider-gov'))
    await page.waitForURL(`${idp.issuer}/**`)
    await page.fill('input[name=login]', 'zhao')
    await page.fill('input[name=password]', 'any')
    await page.click('button[type=submit]')
    await page.click('button[type=submit]') // consent
    await page.waitForURL(`${url}/admin/**`)

    await page.waitForSelector(test('step-factor'))
    const secret = await page.innerText(test('factor-secret'))
    await page.fill(test('code'), totp(secret, Date.now()))
    await page.click(test('step-next'))
    await page.click(test('recovery-kept'))
    await page.waitForSelector(test('users'))
    assert.equal(await page.innerText(test('user-name')), '赵一')
    assert.equal(new URL(page.url()).hash, '#users')
    assert.equal(new URL(page.url()).search, '')

    await page.click(test('sign-out'))
    await page.waitForURL(`${idp.issuer}/session/end**`)
    await page.click('button[value=yes]')
    await page.waitForURL(`${url}/admin/`)
    await page.waitForSelector(test('provider-gov'))
    assert.deepEqual(faults, [])
    await context.close()
  })

  it('leads to a CAS server and back, and its logout ends the session here', async () => {
    const context = await browser.newContext({ locale: 'zh-CN' })
    const page = await context.newPage()
    await page.goto(`${url}/portal/`)
    await page.click(test('provider-cas'))
    await page.waitForURL(`${cas.url}/login**`)
    await page.fill('input[name=username]', 'qian.er')
    await page.fill('input[name=password]', WORD)
    await page.click('[type=submit]')
    await page.waitForURL(`${url}/portal/**`)
    await page.waitForSelector(test('user-name'))
    assert.equal(await page.innerText(test('user-name')), '钱二')
    const there = await context.newPage()
    await there.goto(`${cas.url}/logout`)
    await until('ended here', async () => {
      await page.goto(`${url}/portal/`)
      await page.waitForSelector(`${test('user-name')}, ${test('provider-cas')}`)
      return page.locator(test('provider-cas')).count()
    }, (n) => n === 1)
    await context.close()
  })
})

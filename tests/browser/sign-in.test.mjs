import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { launch, mapReady, openMap, shot, signIn, test, visit } from './lib.mjs'

describe('signing in to the map', () => {
  let browser
  before(async () => (browser = await launch()))
  after(() => browser.close())

  it('asks an anonymous visitor for an account, in Chinese', async () => {
    const { page, context, faults } = await visit(browser, '/apps/lpg/')
    await page.waitForSelector(test('sign-in'))
    assert.match(await page.innerText(test('sign-in')), /账号[\s\S]*密码[\s\S]*登录/)
    assert.equal(await page.locator(test('map')).count(), 0, 'no map before signing in')
    await shot(page, 'sign-in')
    assert.deepEqual(faults, [])
    await context.close()
  })

  it('says that a password is wrong and keeps the account', async () => {
    const { page, context, faults, expect } = await visit(browser, '/apps/lpg/')
    expect('401 /auth/login')
    await signIn(page, 'province', 'surely-not-this-one')
    const message = await page.locator(test('sign-in-error')).innerText()
    assert.match(message, /[\u4e00-\u9fff]/, `a Chinese sentence, not "${message}"`)
    assert.equal(await page.inputValue('#sign-in-username'), 'province')
    assert.equal(await page.inputValue('#sign-in-password'), '')
    assert.equal(await page.locator(test('map')).count(), 0)
    assert.deepEqual(faults, [])
    await context.close()
  })

  it('opens the map, and signing out closes it', async () => {
    const { page, context, faults } = await openMap(browser, 'province')
    assert.ok((await page.innerText(test('user-name'))).length > 0)
    await page.click(test('sign-out'))
    await page.waitForSelector(test('sign-in'))
    assert.deepEqual(faults, [])
    await context.close()
  })

  it('renews an expired session over the page and goes on with what was asked', async () => {
    const { page, context, faults, expect } = await openMap(browser, 'province')
    await page.click(test('tool-locate'))
    await page.fill(`${test('locate')} input`, '110.331,20.0')
    expect('401 /')
    await context.clearCookies()
    await page.click(test('theme-hazards'))
    await page.waitForSelector(`.overlay ${test('sign-in')}`)
    assert.equal(await page.inputValue(`${test('locate')} input`), '110.331,20.0', 'typed text is kept')
    await shot(page, 'expired')
    await signIn(page, 'province')
    await page.waitForSelector('.overlay', { state: 'detached' })
    await mapReady(page)
    assert.equal(await page.inputValue(`${test('locate')} input`), '110.331,20.0')
    await page.waitForSelector(`${test('legend-lpg.hazards')} ${test('class-grade-major')}`)
    assert.deepEqual(faults, [])
    await context.close()
  })
})

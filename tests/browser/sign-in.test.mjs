import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { launch, mapReady, openMap, shot, signIn, test, totp, visit } from './lib.mjs'

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

describe('steps of a sign-in', () => {
  let browser
  const first = 'First-bottle-7'
  const own = 'My-own-bottle-8'
  before(async () => (browser = await launch()))
  after(() => browser.close())

  it('lets a new person choose a password, set a second factor up and sign in with it', async () => {
    const admin = await visit(browser, '/admin/')
    await signIn(admin.page, 'admin')
    await admin.page.waitForSelector(test('nav-users'))
    const made = await admin.page.evaluate(async (password) => {
      const { csrf } = await (await fetch('/auth/me')).json()
      const answer = await fetch('/admin/api/users', {
        method: 'POST', headers: { 'Content-Type': 'application/json', 'X-CSRF-Token': csrf },
        body: JSON.stringify({ username: 'wang.wu', display_name: '王五', password, roles: ['regulator'], areas: ['460100'] }),
      })
      return answer.status
    }, first)
    assert.equal(made, 201)

    const { page, context, faults, expect } = await visit(browser, '/apps/lpg/')
    await signIn(page, 'wang.wu', first)
    await page.waitForSelector(test('step-password'))
    assert.equal(await page.locator(test('map')).count(), 0, 'no map before the password is changed')
    await shot(page, 'step-password')
    expect('400 /auth/password')
    for (const [word, again, what] of [[own, 'other', /不同/], ['wang.wu-B9', 'wang.wu-B9', /用户名/], [first, first, /用过/], [own, own, null]]) {
      await page.fill(test('new-password'), word)
      await page.fill(test('new-password-again'), again)
      await page.click(test('step-next'))
      if (what) {
        await page.waitForFunction(([name, text]) => new RegExp(text).test(document.querySelector(name)?.textContent ?? ''),
          [test('step-error'), what.source])
      }
    }
    await mapReady(page)

    await page.click(test('user-name'))
    await page.click(test('account-factor'))
    await page.fill(test('account-word'), own)
    await page.click(test('account-next'))
    await page.waitForSelector(test('factor-picture'))
    const secret = await page.innerText(test('factor-secret'))
    assert.match(secret, /^[A-Z2-7]{32}$/)
    await shot(page, 'step-factor')
    await page.fill(test('code'), totp(secret, Date.now()))
    await page.click(test('step-next'))
    const codes = (await page.innerText(test('recovery-codes'))).split('\n')
    assert.equal(codes.length, 10)
    await page.click(test('recovery-kept'))
    await page.waitForSelector(test('account-sessions'))
    assert.deepEqual(faults, [])
    await context.close()

    const again = await visit(browser, '/apps/lpg/')
    again.expect('401 /auth/factor')
    await signIn(again.page, 'wang.wu', own)
    await again.page.waitForSelector(test('step-code'))
    await again.page.fill(test('code'), '000000')
    await again.page.click(test('step-next'))
    await again.page.waitForSelector(test('step-error'))
    await shot(again.page, 'step-code')
    await again.page.fill(test('code'), codes[0])
    await again.page.click(test('step-next'))
    await mapReady(again.page)
    assert.deepEqual(again.faults, [])

    // An administrator sees where he is signed in and ends it.
    await admin.page.click(test('nav-sessions'))
    await admin.page.fill(test('sessions-search'), 'wang.wu')
    await admin.page.press(test('sessions-search'), 'Enter')
    const row = admin.page.locator(`${test('sessions')} tr`, { hasText: 'wang.wu' })
    await row.locator(test('session-end')).first().waitFor()
    await shot(admin.page, 'console-sessions')
    while (await row.count()) {
      const left = await row.count()
      await row.locator(test('session-end')).first().click()
      await admin.page.click('.el-message-box__btns .el-button--primary')
      await admin.page.waitForFunction(([name, n]) =>
        [...document.querySelectorAll(`${name} tr`)].filter((tr) => tr.textContent.includes('wang.wu')).length < n,
      [test('sessions'), left])
    }
    again.expect('401 /')
    await again.page.click(test('theme-hazards'))
    await again.page.waitForSelector(`.overlay ${test('sign-in')}`)
    assert.deepEqual(admin.faults, [])
    await again.context.close()
    await admin.context.close()
  })
})

import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { launch, shot, signIn, test, until, visit } from './lib.mjs'

describe('the administration console', () => {
  let browser
  let page
  let faults
  let expect
  before(async () => {
    browser = await launch()
    ;({ page, faults, expect } = await visit(browser, '/admin/'))
    await signIn(page, 'admin')
    await page.waitForSelector(test('plugin-lpg'))
  })
  after(async () => {
    // Whatever failed above, the suites that follow find the plugin enabled.
    await page.evaluate(async () => {
      const { csrf } = await (await fetch('/auth/me')).json()
      const { plugins } = await (await fetch('/admin/api/plugins')).json()
      if (plugins.find((p) => p.id === 'lpg').state === 'enabled') return
      await fetch('/admin/api/plugins/lpg/enable', { method: 'POST', headers: { 'X-CSRF-Token': csrf } })
    })
    await browser.close()
  })

  const card = test('plugin-lpg')
  const state = () => page.getAttribute(`${card} ${test('plugin-state')}`, 'data-state')
  const act = async (name) => {
    await page.click(`${card} ${test(name)}`)
    await page.click('.el-message-box .el-button--primary')
  }

  it('shows what the plugin is and what it registers', async () => {
    assert.equal(await state(), 'enabled')
    const text = await page.innerText(card)
    assert.match(text, /瓶装/)
    for (const id of ['lpg.enterprises', 'lpg.end-users', 'lpg.hazards']) assert.ok(text.includes(id), id)
    await shot(page, 'console')
    assert.deepEqual(faults, [])
  })

  it('disables only after a confirmation that says what is kept', async () => {
    await page.click(`${card} ${test('disable')}`)
    assert.match(await page.innerText('.el-message-box'), /保留[\s\S]*数据/)
    await shot(page, 'console-disable')
    await page.click('.el-message-box__btns .el-button:not(.el-button--primary)')
    await page.waitForSelector('.el-message-box', { state: 'hidden' })
    assert.equal(await state(), 'enabled', 'saying no changes nothing')
  })

  it('disables and enables again, and the map is back', async () => {
    await act('disable')
    await until('disabled', state, (s) => s === 'disabled')
    const closed = await page.evaluate(() => fetch('/apps/lpg/api/areas').then((r) => r.status))
    assert.equal(closed, 503)
    const declared = await page.innerText(card)
    assert.ok(declared.includes('lpg.stations'), 'a disabled plugin can be read before it is enabled')
    await page.click(`${card} ${test('rehearse')}`)
    await page.waitForSelector('.el-message--success')
    await page.click(`${card} ${test('uninstall')}`)
    await page.waitForSelector(`${test('uninstall-tables')} li`)
    assert.match(await page.innerText(test('uninstall-what')), /保留：下列数据表/)
    assert.match(await page.innerText(test('uninstall-tables')), /lpg_station：\d+ 行/)
    await page.click(test('uninstall-purge'))
    assert.match(await page.innerText(test('uninstall-what')), /不可恢复/)
    await page.fill(`input${test('uninstall-id')}`, 'something')
    expect('400 /admin/api/plugins/lpg/uninstall')
    await page.click(test('dialog-save'))
    assert.match(await page.innerText(test('dialog-error')), /应为插件编号 lpg/)
    await shot(page, 'console-uninstall')
    await page.click('.el-dialog__footer .el-button:not(.el-button--danger)')
    await act('enable')
    await until('enabled', state, (s) => s === 'enabled')
    const open = await page.evaluate(() => fetch('/apps/lpg/api/areas').then((r) => r.status))
    assert.equal(open, 200)
    assert.deepEqual(faults.filter((f) => f !== 'answer: 503 /apps/lpg/api/areas'), [])
  })

  it('is closed to others', async () => {
    const visitor = await visit(browser, '/admin/')
    visitor.expect('403 /admin/api/plugins')
    await signIn(visitor.page, 'station')
    await visitor.page.waitForSelector(test('plugins-error'))
    assert.match(await visitor.page.innerText(test('plugins-error')), /[\u4e00-\u9fff]/)
    assert.deepEqual(visitor.faults, [])
    await visitor.context.close()
  })
})

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { after, before, describe, it } from 'node:test'
import { launch, shot, signIn, test, until, visit } from './lib.mjs'

/** Debian's slapd with these people [what it knows each by, user name, name], where the host looks for it; ends with `kill()`. */
async function directory(people) {
  const entries = people.map(([id, uid, name]) =>
    `dn: uid=${uid},ou=people,dc=example\nobjectClass: inetOrgPerson\nuid: ${uid}\ncn: ${name}\nsn: x\nentryUUID: 00000000-0000-4000-8000-00000000000${id}\n`)
  const server = spawn('python3', ['tests/support/slapd.py', new URL(process.env.CIM_DIRECTORY_URL).port], { stdio: ['pipe', 'pipe', 'inherit'] })
  server.stdin.end(`dn: ou=people,dc=example\nobjectClass: organizationalUnit\nou: people\n\n${entries.join('\n')}`)
  await once(server.stdout, 'data')
  return server
}

describe('what an operator watches, and people out of a sheet', () => {
  let browser, page, faults
  before(async () => {
    browser = await launch()
    ;({ page, faults } = await visit(browser, '/admin/#monitor'))
    await signIn(page, 'admin')
    await page.waitForSelector(test('monitor'))
  })
  after(() => browser.close())

  it('shows each group with its figures, and what is past its threshold', async () => {
    await until('figures', () => page.innerText(test('monitor')), (text) => text.includes('数据盘剩余') && text.includes('燃气站点'))
    assert.match(await page.innerText(test('monitor-store')), /数据盘剩余[\s\S]*%/)
    assert.match(await page.innerText(test('monitor-safety')), /从未/, 'there is no backup yet')
    assert.match(await page.innerText(test('monitor-warnings')), /\d+ 项告警/)
    await shot(page, 'console-monitor')
  })

  it('shows the settings in force, without secrets', async () => {
    await page.click(test('nav-settings'))
    await until('settings', () => page.innerText(test('settings')), (text) => text.includes('retention.audit_days'))
    assert.match(await page.innerText(test('settings')), /未设置|已设置/)
    await shot(page, 'console-settings')
  })

  it('makes a backup and checks it', async () => {
    await page.click(test('nav-backups'))
    await page.waitForSelector(test('backups'))
    assert.match(await page.innerText(test('backups-plan')), /backup\.copy_folder/, 'what is missing is said')
    await page.click(test('backup-make'))
    const told = await until('made', () => page.locator(test('backup-last')).allInnerTexts(), (texts) => /备份.*完好/s.test(texts[0] ?? ''))
    const name = told[0].match(/\d{8}T\d{6}Z/)[0]
    await page.click(test(`backup-check-${name}`))
    await until('checked', () => page.locator(test('backup-last')).allInnerTexts(), (texts) => /核对.*完好/s.test(texts[0] ?? ''))
    await shot(page, 'console-backups')
  })

  it('counts who used what', async () => {
    await page.evaluate(() => fetch('/collections/lpg.stations/items?limit=1'))
    await page.click(test('nav-usage'))
    await page.waitForSelector(test('usage'))
    await shot(page, 'console-usage')
  })

  it('lists the audit, or says why not', async () => {
    assert.equal(await page.locator(test('nav-audit')).count(), 0, 'no menu without its function point')
    await page.evaluate(() => (location.hash = '#audit'))
    await page.waitForSelector(test('audit'))
    await page.waitForSelector(test('audit-error'))
    assert.match(await page.innerText(test('audit-error')), /cim\.audit\.read/)
    await shot(page, 'console-audit')
  })

  it('compares a sheet of people before it does anything', async () => {
    await page.click(test('nav-users'))
    await page.click(test('users-sheet'))
    await page.setInputFiles(test('sheet-file'), {
      name: '人员.csv', mimeType: 'text/csv',
      buffer: Buffer.from('用户名,姓名,组织,所在区划,角色,授权区划\nsheet.one,甲一,,460105,inspector,460105\nsheet.two,乙二,,460105,nothing,460105\n'),
    })
    await until('compared', () => page.innerText(test('sheet-sums')), (text) => /新增 1/.test(text) && /拒绝 1/.test(text))
    assert.match(await page.innerText(test('sheet-rows')), /nothing/)
    await shot(page, 'console-sheet')
    await page.click(test('sheet-apply'))
    await page.waitForSelector(test('sheet-save'))
    await shot(page, 'console-sheet-done')
    await page.keyboard.press('Escape')
    await page.fill(test('users-search'), 'sheet.')
    await page.press(test('users-search'), 'Enter')
    await until('listed', () => page.innerText(test('users')), (text) => text.includes('甲一') && !text.includes('乙二'))
  })

  it('brings organisations from a sheet, parents and all', async () => {
    await page.click(test('nav-orgs'))
    await page.click(test('orgs-sheet'))
    await page.setInputFiles(test('sheet-file'), {
      name: '组织.csv', mimeType: 'text/csv',
      buffer: Buffer.from('代码,名称,类别,上级组织,所在区划\nsheet.team,巡查班,其他,sheet.office,460105\nsheet.office,燃气办,燃气主管部门,,460105\nsheet.odd,怪,颜色,,460105\n'),
    })
    await until('compared', () => page.innerText(test('sheet-sums')), (text) => /新增 2/.test(text) && /拒绝 1/.test(text))
    await page.click(test('sheet-only-refused'))
    await until('filtered', () => page.innerText(test('sheet-rows')), (text) => text.includes('sheet.odd') && !text.includes('sheet.team'))
    await shot(page, 'console-sheet-orgs')
    await page.click(test('sheet-apply'))
    await until('done', () => page.locator(test('sheet-apply')).count(), (n) => n === 0)
    await page.keyboard.press('Escape')
    await page.fill(test('orgs-search'), 'sheet.')
    await page.press(test('orgs-search'), 'Enter')
    await until('listed', () => page.innerText(test('orgs')), (text) => text.includes('巡查班') && text.includes('燃气办'))
  })

  it('follows a directory: compares, does it, and ends who is gone when that is chosen', async () => {
    let server = await directory([[1, 'dir.one', 'Jia'], [2, 'dir.two', 'Yi']])
    try {
      await page.click(test('nav-directory'))
      await until('settings', () => page.innerText(test('directory-settings')), (text) => text.includes('ou=people,dc=example') && text.includes('未加密'))
      await page.click(test('directory-compare'))
      await until('compared', () => page.innerText(test('directory-people-sums')), (text) => /新增 2/.test(text))
      await shot(page, 'console-directory')
      await page.click(test('directory-apply'))
      await page.click('.el-message-box__btns .el-button--primary')
      await page.waitForSelector(test('directory-done'))
      assert.match(await page.innerText(test('directory-last')), /admin.*新增 2/)
      server.kill()
      await once(server, 'exit')
      server = await directory([[1, 'dir.one', 'Jiajia']])
      await page.click(test('directory-compare'))
      await until('compared anew', () => page.innerText(test('directory-people-rows')), (text) => text.includes('Jia → Jiajia'))
      assert.match(await page.innerText(test('directory-gone')), /dir\.two/)
      await page.click(`${test('directory-gone')} tbody .el-checkbox`)
      await shot(page, 'console-directory-gone')
      await page.click(test('directory-apply'))
      await page.click('.el-message-box__btns .el-button--primary')
      await until('ended', () => page.innerText(test('directory-last')), (text) => /停用 1/.test(text))
      // Undone as a whole: one is called as before, the other is back.
      await page.click(test('directory-undo'))
      await until('told', () => page.innerText(test('undo-rows')), (text) => /Jiajia → Jia/.test(text) && /恢复账号与授权/.test(text))
      await shot(page, 'console-directory-undo')
      await page.click(test('undo-apply'))
      await page.waitForSelector(test('undo-done'))
      assert.match(await page.innerText(test('undo-sums')), /撤销 2/)
      await page.keyboard.press('Escape')
      await page.waitForSelector(test('directory-undone'))
      assert.equal(await page.locator(test('directory-undo')).count(), 0)
      const back = await page.evaluate(() => fetch('/admin/api/users?q=dir.').then((r) => r.json()))
      assert.deepEqual(back.users.map((one) => [one.username, one.display_name, one.ended]), [['dir.one', 'Jia', false], ['dir.two', 'Yi', false]])
    } finally {
      server.kill()
    }
  })

  it('left nothing for the developer tools to complain of', () => {
    assert.deepEqual(faults.filter((fault) => fault !== 'answer: 403 /admin/api/audit'), [])
  })
})

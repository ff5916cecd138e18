import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { launch, pickArea, shot, signIn, test, until, visit } from './lib.mjs'

const word = 'Gas-bottle-1'

describe('organisations, people, roles and grants in the console', () => {
  let browser
  let page
  let faults
  before(async () => {
    browser = await launch()
    ;({ page, faults } = await visit(browser, '/admin/#orgs'))
    await signIn(page, 'admin')
    await page.waitForSelector(test('orgs'))
  })
  after(() => browser.close())

  const save = async () => {
    await page.click(`${test('dialog-save')}:visible`)
    const told = async () => (await page.locator(`${test('dialog-save')}:visible`).count()) > 0
      ? (await page.locator(`${test('dialog-error')}:visible`).allInnerTexts()).join() || 'waiting'
      : 'saved'
    await until('the dialog', told, (text) => text === 'saved')
  }
  const rows = (name) => page.innerText(test(name))

  it('makes an organisation in an area picked from the tree', async () => {
    await page.click(test('orgs-create'))
    await page.fill(`${test('org-code')}`, 'xiuying-gas')
    await page.fill(`${test('org-name')}`, '秀英区燃气办')
    await page.click(`${test('dialog-save')}:visible`)
    await page.waitForSelector(test('dialog-error'))
    assert.match(await page.innerText(test('dialog-error')), /area/, 'the refusal names the field')
    await pickArea(page, '秀英区')
    await shot(page, 'console-org')
    await save()
    await until('listed', () => rows('orgs'), (text) => text.includes('秀英区燃气办') && text.includes('秀英区'))
    await shot(page, 'console-orgs')
  })

  it('makes a person of it', async () => {
    await page.click(test('nav-users'))
    await page.waitForSelector(test('users'))
    await page.click(test('users-create'))
    await page.fill(`input${test('user-name')}`, 'li.si')
    await page.fill(test('user-display'), '李四')
    await page.fill(test('user-org'), 'xiuying-gas')
    await page.fill(test('user-password'), word)
    await save()
    await page.fill(test('users-search'), '李四')
    await page.press(test('users-search'), 'Enter')
    await until('found', () => rows('users'), (text) => text.includes('li.si') && !text.includes('province'))
    await shot(page, 'console-users')
  })

  it('grants a role for an area and shows what was granted', async () => {
    await page.click(test('nav-grants'))
    await page.waitForSelector(test('grants'))
    await page.click(test('grants-create'))
    await page.fill(test('grant-holder'), 'li.si')
    await page.click(`${test('grant-role')}:visible`)
    await page.locator('.el-select-dropdown__item:visible', { hasText: 'inspector' }).click()
    await pickArea(page, '秀英区')
    // What the list of areas does when it closes may take the focus away from the text.
    await until('the reason', async () => {
      await page.fill(test('grant-why'), '分管秀英')
      await page.waitForTimeout(200)
      return page.inputValue(test('grant-why'))
    }, (text) => text === '分管秀英')
    await shot(page, 'console-grant')
    await save()
    await page.fill(test('grants-search'), 'li.si')
    await page.press(test('grants-search'), 'Enter')
    await until('listed', () => rows('grants'), (text) => text.includes('inspector') && text.includes('分管秀英'))
    await shot(page, 'console-grants')
    const told = await page.evaluate(() => fetch('/admin/api/reach?principal=li.si').then((r) => r.json()))
    assert.ok(told.terms.some((term) => term.areas.some((area) => area.code === '460105')))
  })

  it('says why somebody may not see a record, and what each grant lacks', async () => {
    await page.click(test('nav-explain'))
    const ask = async (record) => {
      await page.fill(test('explain-principal'), 'li.si')
      await page.fill(test('explain-resource'), 'lpg.stations')
      await page.fill(test('explain-record'), record)
      await page.click(test('explain-ask'))
    }
    const elsewhere = await page.evaluate(async () => {
      const answer = await fetch('/collections/lpg.stations/items?limit=1&filter=' + encodeURIComponent("area_code NOT LIKE '460105%'"))
      return (await answer.json()).features[0].id
    })
    await ask(String(elsewhere))
    await page.waitForSelector(test('explain-summary'))
    assert.match(await page.innerText(test('explain-summary')), /不可以/)
    assert.match(await page.innerText(test('explain-terms')), /秀英区[\s\S]*记录不在授权的区划内/)
    await shot(page, 'explain')
  })

  it('lists templates and says why a role is refused', async () => {
    await page.click(test('nav-roleList'))
    await page.waitForSelector(test('roles'))
    await until('templates', () => rows('roles'), (text) => text.includes('regulator'))
    await page.click(test('roles-create'))
    await page.fill(test('role-id'), 'mine')
    await page.fill(test('role-zh'), '我的')
    await page.fill(test('role-en'), 'Mine')
    await pickArea(page, '秀英区')
    await page.click(`${test('dialog-save')}:visible`)
    await page.waitForSelector(test('dialog-error'))
    assert.match(await page.innerText(test('dialog-error')), /own-/)
    await shot(page, 'console-roles')
  })

  it('left nothing for the developer tools to complain of', () => {
    const refused = (fault) => fault === 'answer: 400 /admin/api/orgs' || fault === 'answer: 400 /admin/api/roles'
    assert.deepEqual(faults.filter((fault) => !refused(fault)), [])
  })
})

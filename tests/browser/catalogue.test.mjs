import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { launch, pickArea, shot, signIn, test, until, visit } from './lib.mjs'

const FIELDS = { filling_no: '充装记录号', filled_at: '充装时间', net_kg: '净重' }

describe('a planner asks for three fields of the fillings of Qiongshan', () => {
  let browser, asker, admin
  before(async () => {
    browser = await launch()
    asker = await visit(browser, '/portal/')
    await signIn(asker.page, 'planner')
    await asker.page.waitForSelector(test('records'))
  })
  after(() => browser.close())

  const items = () =>
    asker.page.evaluate(async () => {
      const answer = await fetch('/collections/lpg.fillings/items?limit=1000')
      return { status: answer.status, features: answer.ok ? (await answer.json()).features : [] }
    })

  it('finds them in the catalogue, closed but described', async () => {
    const { page, expect } = asker
    await shot(page, 'portal-catalogue')
    await page.fill(test('records-search'), '充装记录')
    await page.press(test('records-search'), 'Enter')
    await page.click(test('record-lpg.fillings'))
    await page.waitForSelector(test('record'))
    const told = await page.innerText(test('record'))
    assert.match(told, /460000LPG\/lpg\.fillings/)
    assert.match(told, /有条件共享/)
    assert.match(told, /需申请/)
    assert.doesNotMatch(told, /数据来源/)
    await shot(page, 'portal-record')
    expect('403 /collections/lpg.fillings/items')
    assert.equal((await items()).status, 403)
  })

  it('is told by name what a request lacks, and sends it', async () => {
    const { page, expect } = asker
    await page.click(test('record-ask'))
    for (const name of Object.keys(FIELDS)) {
      await page.click(`${test('ask-fields')}:visible`)
      const title = await page.evaluate(async (field) => {
        const record = await (await fetch('/catalogue/collections/resources/items/lpg.fillings')).json()
        return record.properties.catalog.items.find((item) => item.name === field).title
      }, name)
      await page.locator('.el-select-dropdown__item:visible', { hasText: title }).first().click()
      await page.keyboard.press('Escape')
    }
    await pickArea(page, '琼山区')
    // What the list of areas does when it closes may take the focus away from the text.
    await until('the reason', async () => {
      await page.fill(test('ask-reason'), '核对当月充装量')
      return page.innerText(`.el-dialog:visible .el-input__count`)
    }, (text) => text.startsWith('7'))
    expect('400 /catalogue/requests')
    await page.click(`${test('dialog-save')}:visible`)
    await page.waitForSelector(test('dialog-error'))
    assert.match(await page.innerText(test('dialog-error')), /until|截止/)
    const end = new Date(Date.now() + 20 * 86_400_000).toISOString().slice(0, 10)
    await page.fill('.el-dialog:visible .el-date-editor input', end)
    await page.keyboard.press('Enter')
    await shot(page, 'portal-ask')
    await page.click(`${test('dialog-save')}:visible`)
    await page.waitForSelector(`${test('dialog-save')}:visible`, { state: 'hidden' })
    await page.click('.el-drawer__close-btn')
    await page.click(test('portal-mine'))
    await until('listed', () => page.innerText(test('my-requests')), (text) => text.includes('待审批') && text.includes('lpg.fillings'))
    await shot(page, 'portal-mine')
  })

  it('gets them once an administrator has approved, and no other field or place', async () => {
    admin = await visit(browser, '/admin/#requests')
    await signIn(admin.page, 'admin')
    await until('waiting', () => admin.page.innerText(test('requests')), (text) => text.includes('规划人员') && text.includes('琼山区'))
    await shot(admin.page, 'console-requests')
    await admin.page.click(test('request-approve'))
    await admin.page.fill(test('decision-why'), '履职所需')
    await shot(admin.page, 'console-approve')
    await admin.page.click(`${test('dialog-save')}:visible`)
    await until('decided', () => admin.page.innerText(test('requests')), (text) => !text.includes('规划人员'))
    const { status, features } = await items()
    assert.equal(status, 200)
    assert.ok(features.every((feature) => feature.properties.area_code.startsWith('460107')))
    for (const feature of features) {
      const told = Object.entries(feature.properties).filter(([, value]) => value !== null).map(([name]) => name)
      assert.deepEqual(['tag_no', 'model', 'enterprise_name', 'station_name', 'source'].filter((name) => told.includes(name)), [])
    }
    await asker.page.reload()
    await until('approved', () => asker.page.innerText(test('my-requests')), (text) => text.includes('已批准') && text.includes('履职所需'))
    await shot(asker.page, 'portal-approved')
  })

  it('left nothing for the developer tools to complain of', () => {
    assert.deepEqual([...asker.faults, ...admin.faults], [])
  })
})

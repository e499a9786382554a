/** The licences of the packages in a bundle, as they want to be passed on with it: one text, the same on every machine. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** @typedef {{ inputs: Record<string, { bytesInOutput: number }> }} Output of esbuild's metafile */

/**
 * @param {Record<string, Output>} outputs
 * @returns {string[]} the folders of the packages that are in them, relative to the repository
 */
export function packagesIn(outputs) {
  return packagesOf(
    Object.values(outputs).flatMap(({ inputs }) =>
      Object.entries(inputs).flatMap(([path, { bytesInOutput }]) => (bytesInOutput > 0 ? [path] : [])),
    ),
  );
}

/**
 * @param {readonly string[]} modules paths of files, relative to the repository
 * @returns {string[]} the folders of the packages that they are of
 */
export function packagesOf(modules) {
  const folders = modules.map((path) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(path)?.[0]);
  return [...new Set(folders.filter((folder) => folder !== undefined))].sort();
}

/**
 * @param {string} root the repository
 * @param {readonly string[]} folders of packages, in it
 * @returns {Promise<string>} each package with its texts; packages with the same texts share them
 */
export async function licencesOf(root, folders) {
  /** @type {Map<string, Set<string>>} */
  const packagesByTexts = new Map();
  for (const folder of folders) {
    const { name, version, license, author } = JSON.parse(await readFile(join(root, folder, 'package.json'), 'utf8'));
    const files = (await readdir(join(root, folder)))
      .filter((file) => /^(licen[cs]e|copying|notice)/i.test(file))
      .sort();
    const texts = await Promise.all(files.map((file) => readFile(join(root, folder, file), 'utf8')));
    // Some packages name their licence only.
    const by = typeof author === 'object' && author !== null ? author.name : author;
    const text =
      texts.length > 0 ? texts.map(tidied).join('\n\n') : `${license}, by ${by ?? `the authors of ${name}`}.`;
    const packages = packagesByTexts.get(text) ?? new Set();
    packagesByTexts.set(text, packages.add(`${name} ${version} (${license})`));
  }
  const sections = [...packagesByTexts].map(([text, packages]) => `${[...packages].join('\n')}\n\n${text}\n`);
  return `This app contains the following packages.\n\n${sections.join(`\n${'-'.repeat(80)}\n\n`)}`;
}

/** @param {string} text */
function tidied(text) {
  return text.replaceAll('\r\n', '\n').trim();
}

/**
 * A change that Stryker does not make by itself: one word is dropped, an `await`, or a field or a part of an id that tells one
 * thing from another. A hand may lose it easily, and what it costs shows only when a call fails or two events meet.
 */

/** The fields, and what an id is written to. */
const TELLS_APART = /^(kind|authLevel|key|id|[a-z]+Id)$/;

/** What Stryker's report calls such a change. */
export const DROP = 'Drop';

/** @param {string} path below `node_modules`, which the root's type check must not ask for */
export const load = (path) => import(new URL(`node_modules/${path}`, import.meta.url).href);

/** Adds the change to those that Stryker knows. Its list is no part of its API: the lock file holds its version. */
export async function addDrops() {
  const { allMutators } = await load('@stryker-mutator/instrumenter/dist/src/mutators/mutate.js');
  const { types } = (await load('@babel/core/lib/index.js')).default;
  allMutators.push({ name: DROP, mutate: (/** @type {any} */ path) => dropped(path, types) });
}

/**
 * @typedef {any} Node of Babel's syntax tree: its types are installed with Stryker only
 * @param {Node} path @param {any} types
 */
function* dropped({ node, parent }, types) {
  const copies = (/** @type {Node[]} */ nodes) => nodes.map((one) => types.cloneNode(one));
  if (types.isAwaitExpression(node)) yield types.cloneNode(node.argument);
  if (types.isObjectExpression(node)) {
    for (const property of node.properties) {
      if (!TELLS_APART.test(property.key?.name)) continue;
      yield types.objectExpression(copies(node.properties.filter((/** @type {Node} */ other) => other !== property)));
    }
  }
  if (types.isTemplateLiteral(node) && TELLS_APART.test(parent.key?.name ?? parent.id?.name)) {
    for (const part of node.expressions) {
      const others = node.expressions.map((/** @type {Node} */ one) =>
        one === part ? types.stringLiteral('') : types.cloneNode(one),
      );
      yield types.templateLiteral(copies(node.quasis), others);
    }
  }
}

// Owns: how a peer gets at its package: from bench/peers/node_modules, where only the bench installs. Types of foreign packages are not at hand,
// since nothing of them is there when the rest of the repository is checked.

/**
 * @param {string} name
 * @returns {Promise<any>} the module
 */
export function load(name) {
  return import(name)
}

// The order of test files: those that are known to take minutes come first, so that no worker waits for one at the end.
const { default: Sequencer } = require("@jest/test-sequencer");

const LONGEST = [
  "debian-main-path",
  "role-lab",
  "snapshots",
  "lab-life",
  "clones",
  "crash",
  "networks",
  "power",
  "fake-provider",
];

/** @param {{ readonly path: string }} test */
const rank = ({ path }) => {
  const found = LONGEST.findIndex((name) => path.endsWith(`/${name}.test.ts`));
  return found < 0 ? LONGEST.length : found;
};

module.exports = class LongestFirst extends Sequencer {
  /**
   * @override
   * @param {Parameters<import("@jest/test-sequencer").default["sort"]>[0]} tests
   */
  sort(tests) {
    return [...tests].sort((a, b) => rank(a) - rank(b) || (a.path < b.path ? -1 : 1));
  }
};

// Prints each suite with its duration, what failed and how to repeat it, and `N passed, N failed` at the very end.
import { writeFileSync } from "node:fs";
import { relative } from "node:path";

/**
 * @typedef {{
 *   testFilePath: string, numPassingTests: number, numFailingTests: number, numPendingTests: number,
 *   numTodoTests: number, failureMessage?: string | null, testExecError?: unknown,
 *   perfStats: { start: number, end: number },
 * }} SuiteResult
 * @typedef {{ passed: number, failed: number, skipped: number }} Tally
 */

export default class Reporter {
  #seed = 0;
  /** @type {Tally} */
  #tally = { passed: 0, failed: 0, skipped: 0 };

  /** @param {{ seed: number }} globalConfig */
  constructor(globalConfig) {
    this.#seed = globalConfig.seed;
  }

  /**
   * @param {unknown} _test
   * @param {SuiteResult} suite
   */
  onTestResult(_test, suite) {
    // A suite that could not run at all counts as one failure.
    const failed = suite.numFailingTests + (suite.testExecError ? 1 : 0);
    const skipped = suite.numPendingTests + suite.numTodoTests;
    this.#tally.passed += suite.numPassingTests;
    this.#tally.failed += failed;
    this.#tally.skipped += skipped;

    const file = relative(process.cwd(), suite.testFilePath);
    const seconds = ((suite.perfStats.end - suite.perfStats.start) / 1000).toFixed(2);
    const counts = tallyText({ passed: suite.numPassingTests, failed, skipped });
    print(`${failed > 0 ? "FAIL" : "pass"}  ${file}  ${seconds} s  (${counts})`);
    if (failed > 0 && suite.failureMessage) print(suite.failureMessage);
  }

  onRunComplete() {
    if (this.#tally.failed > 0) print(`To repeat this order of tests: --seed=${this.#seed}`);
    // scripts/test.mjs runs jest more than once and prints the sum.
    const totals = process.env.VMLAB_TEST_TOTALS;
    if (totals) writeFileSync(totals, JSON.stringify(this.#tally));
    else print(tallyText(this.#tally));
  }
}

/** @param {Tally} tally */
export function tallyText({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
}

/** @param {string} line */
function print(line) {
  process.stdout.write(`${line}\n`);
}

// Runs groups of tests: node scripts/test.mjs GROUP… [--full] [-- ARGUMENTS OF JEST]
// Real machines run after the other tests, so that nobody's deadlines suffer; what measures time runs alone.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { tallyText } from "../test/reporter.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const require = createRequire(import.meta.url);
const known = ["unit", "property", "crash", "e2e", "bench"];

const args = process.argv.slice(2);
const dashes = args.indexOf("--");
const own = dashes < 0 ? args : args.slice(0, dashes);
// `npm run test:unit -- test/engine/plan` arrives without the dashes.
const groups = own.filter((arg) => known.includes(arg));
const forJest = [
  ...own.filter((arg) => !known.includes(arg) && arg !== "--full"),
  ...(dashes < 0 ? [] : args.slice(dashes + 1)),
];
if (groups.length === 0) {
  process.stderr.write(`Name the groups to run: ${known.join(", ")}\n`);
  process.exit(2);
}

const folder = mkdtempSync(join(tmpdir(), "vmlab-test-"));
const totals = { passed: 0, failed: 0, skipped: 0 };
let exitCode = 0;
try {
  run(
    groups.filter((group) => group !== "e2e" && group !== "bench"),
    ["--maxWorkers=2", "--testTimeout=20000"],
  );
  run(
    groups.filter((group) => group === "e2e"),
    ["--maxWorkers=2", "--testTimeout=300000"],
  );
  run(
    groups.filter((group) => group === "bench"),
    ["--maxWorkers=1", "--testTimeout=300000"],
  );
} finally {
  rmSync(folder, { recursive: true, force: true });
}
if (totals.passed + totals.failed === 0) {
  process.stderr.write("No test ran.\n");
  exitCode ||= 1;
}
process.stdout.write(`${tallyText(totals)}\n`);
process.exitCode = totals.failed > 0 ? exitCode || 1 : exitCode;

/**
 * @param {string[]} projects
 * @param {string[]} options
 */
function run(projects, options) {
  if (projects.length === 0) return;
  const tally = join(folder, `${projects.join("-")}.json`);
  const { status, signal } = spawnSync(
    process.execPath,
    [
      "--experimental-vm-modules",
      "--disable-warning=ExperimentalWarning",
      require.resolve("jest/bin/jest"),
      "--passWithNoTests",
      ...options,
      ...forJest,
      "--selectProjects",
      ...projects,
    ],
    {
      cwd: root,
      stdio: "inherit",
      env: {
        ...process.env,
        VMLAB_TEST_TOTALS: tally,
        ...(own.includes("--full") ? { VMLAB_TEST_FULL: "1" } : {}),
      },
    },
  );
  exitCode ||= status ?? 1;
  try {
    const { passed, failed, skipped } = JSON.parse(readFileSync(tally, "utf8"));
    totals.passed += passed;
    totals.failed += failed;
    totals.skipped += skipped;
    // Jest ended badly though every test passed, for instance on an error outside of the tests.
    if (status !== 0 && failed === 0) totals.failed += 1;
  } catch {
    process.stderr.write(`jest ended before its report (${signal ?? `exit code ${status}`})\n`);
    totals.failed += 1;
  }
}

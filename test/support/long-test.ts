/**
 * Long tests: those that take minutes to an hour each under emulation, mostly for starts of Debian. In every run they
 * would keep people from running the tests at all, so only `make test-full` runs them: it sets VMLAB_TEST_FULL=1.
 */
import { test } from "@jest/globals";

/** Whether everything is asked for. For tests that go further, or round more often, when there is time. */
export const FULL = process.env.VMLAB_TEST_FULL === "1";

/** A test of `make test-full` only; skipped, and counted as such, in other runs. */
export const longTest = FULL ? test : test.skip;

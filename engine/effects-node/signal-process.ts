import { systemErrorCode } from "../diagnostics.ts";

/**
 * Sends a signal to a process, or to a group when `pid` is negative. False when there is none. 0 and -1, which would
 * mean "my own group" and "everything", are refused.
 */
export function signalProcess(pid: number, signal: NodeJS.Signals | 0): boolean {
  if (!Number.isSafeInteger(pid) || pid === 0 || pid === -1) throw new RangeError(`not a process: ${pid}`);
  try {
    process.kill(pid, signal);
    return true;
  } catch (error) {
    if (systemErrorCode(error) === "ESRCH") return false;
    throw error;
  }
}

/**
 * Waits for cloud-init and reads its own report. cloud-init fails silently, so its result is always read: the files
 * under /run/cloud-init, which every version since 18 writes and which cost no start of its Python.
 */
import type { Effects } from "../../engine/effects.ts";
import { isJsonObject, type JsonObject } from "../../engine/json.ts";
import type { SshAccess } from "../provider.ts";
import { indent } from "./evidence.ts";
import { asRoot, runInGuest } from "./guest-shell.ts";

/**
 * Prints `absent`, `disabled`, `running`, or `done` and the two reports on a line each. Waits up to $1 seconds in the
 * guest, so that few logins are needed. What the first boot made (host keys, users) must survive a power cut from here
 * on, hence the sync.
 */
const WAIT_SCRIPT = `
command -v cloud-init >/dev/null 2>&1 || { echo absent; exit 0; }
i=0
while [ ! -e /run/cloud-init/result.json ]; do
  if [ -e /run/cloud-init/disabled ] || [ -e /etc/cloud/cloud-init.disabled ]; then echo disabled; exit 0; fi
  i=$((i+1)); [ $i -le $(($1 * 2)) ] || { echo running; exit 0; }
  sleep 0.5
done
sync
echo done
for f in result status; do tr -d '\\n' </run/cloud-init/$f.json; echo; done`;

/** The lines of its logs that say what went wrong. */
const LOG_SCRIPT = `
grep -hE 'WARNING|ERROR|CRITICAL|Traceback|Error' /var/log/cloud-init.log 2>/dev/null | tail -n 12
echo ----
tail -n 15 /var/log/cloud-init-output.log 2>/dev/null`;

const SECONDS_A_LOGIN = 15;

export interface CloudInitReport {
  readonly errors: readonly string[];
  /** Things it went on after: deprecated keys, failed warnings-only modules. */
  readonly warnings: readonly string[];
}

/** cloud-init ended with errors. */
class CloudInitFailed extends Error {
  override readonly name = "CloudInitFailed";
  readonly summary: string;
  readonly detail: string;

  constructor(summary: string, detail: string) {
    super(summary);
    this.summary = summary;
    this.detail = detail;
  }
}

/** The report in an error that {@link waitForCloudInit} threw. */
export function cloudInitProblem(error: unknown): { summary: string; detail: string } | undefined {
  return error instanceof CloudInitFailed ? error : undefined;
}

/**
 * Undefined when it is done, absent or disabled; what is missing when the time is over. Throws when it failed, and with
 * `required` when it is absent or disabled.
 */
export async function waitForCloudInit(
  effects: Effects,
  access: SshAccess,
  options: {
    readonly signal: AbortSignal;
    readonly until: number;
    readonly output: (line: string) => void;
    readonly required: boolean;
  },
): Promise<string | undefined> {
  for (;;) {
    const { code, stdout, stderr } = await runInGuest(effects, access, {
      command: asRoot(access.user, WAIT_SCRIPT, [String(SECONDS_A_LOGIN)]),
      timeoutMs: SECONDS_A_LOGIN * 1000 + 60_000,
      signal: options.signal,
    });
    const [state, result = "", status = ""] = stdout.split("\n");
    if (state === "absent" || state === "disabled") {
      if (!options.required) return undefined;
      throw new CloudInitFailed(`it is ${state}`, "cloud_init names a file that nobody reads in this guest.");
    }
    if (state === "done") {
      const report = readCloudInitReport(result, status);
      for (const warning of report.warnings) options.output(`cloud-init: ${warning}`);
      if (report.errors.length === 0) return undefined;
      throw await failure(effects, access, report, options.signal);
    }
    if (effects.clock.now() >= options.until) {
      return state === "running"
        ? "cloud-init is still running."
        : `ssh ended with ${code}: ${stderr.trim()}`;
    }
    if (state !== "running") await effects.clock.sleep(1_000, options.signal);
  }
}

/** Reads result.json and status.json (cloud-init's documentation, "cloud-init status"). */
export function readCloudInitReport(result: string, status: string): CloudInitReport {
  const errors = new Set<string>();
  const warnings = new Set<string>();
  for (const text of listIn(v1(result)?.errors)) errors.add(text);
  for (const [stage, value] of Object.entries(v1(status) ?? {})) {
    if (!isJsonObject(value)) continue;
    for (const text of listIn(value.errors))
      if (![...errors].some((e) => e === text)) errors.add(`${stage}: ${text}`);
    if (!isJsonObject(value.recoverable_errors)) continue;
    for (const [level, texts] of Object.entries(value.recoverable_errors)) {
      for (const text of listIn(texts)) warnings.add(`${level.toLowerCase()} in ${stage}: ${text}`);
    }
  }
  return { errors: [...errors], warnings: [...warnings] };
}

function v1(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isJsonObject(value) && isJsonObject(value.v1) ? value.v1 : undefined;
  } catch {
    return undefined;
  }
}

function listIn(value: unknown): string[] {
  return Array.isArray(value) ? value.map((v) => (typeof v === "string" ? v : JSON.stringify(v))) : [];
}

async function failure(
  effects: Effects,
  access: SshAccess,
  report: CloudInitReport,
  signal: AbortSignal,
): Promise<CloudInitFailed> {
  const { stdout } = await runInGuest(effects, access, {
    command: asRoot(access.user, LOG_SCRIPT),
    timeoutMs: 60_000,
    signal,
  });
  const [log = "", output = ""] = stdout.split("----\n");
  const parts = [`Errors:\n${indent(report.errors)}`];
  if (log.trim() !== "") parts.push(`From /var/log/cloud-init.log:\n${indent(log.trim().split("\n"))}`);
  if (output.trim() !== "")
    parts.push(`/var/log/cloud-init-output.log ends with:\n${indent(output.trim().split("\n"))}`);
  // "('scripts-user', RuntimeError(…))": the module comes first.
  const module = report.errors.map((e) => /\('([a-z_-]+)'/.exec(e)?.[1]).find((m) => m !== undefined);
  return new CloudInitFailed(
    module === undefined ? `${report.errors.length} error(s)` : `module ${module}`,
    parts.join("\n"),
  );
}

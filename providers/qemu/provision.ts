/** Provisioning steps and the ready command: as root, with the VM's env, everything that may be secret on stdin. */
import { fail } from "../../engine/diagnostics.ts";
import { shellQuote } from "../../engine/shell-words.ts";
import type { CallContext, GuestStep, StepContext, VmSpec } from "../provider.ts";
import type { QemuContext } from "./context.ts";
import { indent } from "./evidence.ts";
import { asRoot, type GuestResult, runInGuest } from "./guest-shell.ts";
import { requireRunning, stretched } from "./ready.ts";
import { whileMachineRuns } from "./watch-machine.ts";

// A step that is recorded as done must have outlived a power cut: each script ends with a sync.

/** Writes stdin to $1 with mode $2 and owner $3, appearing whole or not at all. */
const FILE_SCRIPT = `
set -e
umask 077
d=$(dirname "$1")
[ -d "$d" ] || (umask 022; mkdir -p "$d")
if [ -d "$1" ]; then echo "$1 is a folder" >&2; exit 1; fi
t=$(mktemp "$d/.vmlab.XXXXXX")
trap 'rm -f "$t"' EXIT
cat >"$t"
chmod "$2" "$t"
chown "$3" "$t"
mv -f "$t" "$1"
sync`;

/**
 * Reads the environment (base64 of shell assignments, one line: the shell's read never takes more than its line)
 * and then a script from stdin, and runs it with the interpreter in "$@". The script is run by name through its
 * interpreter, so that a noexec folder does no harm.
 */
const RUN_SCRIPT = `
umask 077
d=$(mktemp -d /var/tmp/vmlab.XXXXXX 2>/dev/null || mktemp -d /tmp/vmlab.XXXXXX) || exit 1
trap 'rm -rf "$d"' EXIT
IFS= read -r e
printf %s "$e" | base64 -d >"$d/env" || exit 1
unset e
cat >"$d/step"
. "$d/env"
rm -f "$d/env"
umask 022
cd /
"$@" "$d/step" </dev/null
s=$?
sync
exit $s`;

const TAIL_LINES = 20;

/** Carries out one step. */
export async function provisionVm(
  context: QemuContext,
  spec: VmSpec,
  step: GuestStep,
  call: StepContext,
): Promise<void> {
  const running = await requireRunning(context, spec.id);
  call.progress(step.label);
  const timeoutMs = stretched(running.runtime, spec.timeouts.stepMs);
  const tail: string[] = [];
  const result = await whileMachineRuns(
    context.effects,
    running,
    `carrying out ${step.label}`,
    call.signal,
    (signal) =>
      runInGuest(context.effects, running.access, {
        ...stepCommand(spec, step),
        timeoutMs,
        signal,
        onLine: (line) => {
          tail.push(line);
          if (tail.length > TAIL_LINES) tail.shift();
          call.output(line);
        },
      }),
  );
  call.exited?.(result.code);
  if (result.code === 0) return;
  fail({
    code: "qemu/step-failed",
    address: `vm.${spec.name}`,
    summary: `${step.label} failed in ${spec.name}: ${outcome(result, timeoutMs)}`,
    detail: outputTail(tail),
    hint:
      result.timedOut && step.kind !== "file"
        ? "Raise timeouts.step, or look inside for what it waits for."
        : `All of it: vmlab logs ${spec.name} --provision. Look inside: vmlab ssh ${spec.name}. The next apply goes on from this step.`,
  });
}

/** Runs ready.command again and again until it succeeds or its time is over. */
export async function vmReadyCommand(context: QemuContext, spec: VmSpec, call: CallContext): Promise<void> {
  const { ready } = spec;
  if (ready === undefined) return;
  const { effects } = context;
  const running = await requireRunning(context, spec.id);
  call.progress("waiting for ready.command");
  const timeoutMs = stretched(running.runtime, ready.timeoutMs);
  const until = effects.clock.now() + timeoutMs;
  const command = scriptCommand(spec, ready.command);
  for (;;) {
    const left = until - effects.clock.now();
    const result = await whileMachineRuns(effects, running, "running ready.command", call.signal, (signal) =>
      runInGuest(effects, running.access, { ...command, timeoutMs: Math.max(5_000, left), signal }),
    );
    if (result.code === 0) return;
    if (effects.clock.now() >= until) {
      fail({
        code: "qemu/ready-command-failed",
        address: `vm.${spec.name}`,
        summary: `ready.command of ${spec.name} did not succeed within ${Math.round(timeoutMs / 1000)} s`,
        detail: `The last attempt: ${outcome(result, left)}\n${outputTail(linesOf(result))}`,
        hint: `Run it by hand: vmlab ssh ${spec.name} -- ${ready.command}`,
      });
    }
    await effects.clock.sleep(1_000, call.signal);
  }
}

const PROBE_DEADLINE_MS = 30_000;

/** Runs ready.command once. */
export async function probeVm(
  context: QemuContext,
  spec: VmSpec,
  call: CallContext,
): Promise<string | undefined> {
  const { ready } = spec;
  if (ready === undefined) return undefined;
  const { effects } = context;
  const { runtime, access } = await requireRunning(context, spec.id);
  const timeoutMs = stretched(runtime, PROBE_DEADLINE_MS);
  const command = scriptCommand(spec, ready.command);
  const result = await runInGuest(effects, access, { ...command, timeoutMs, signal: call.signal });
  if (result.code === 0) return undefined;
  const said = linesOf(result).findLast((line) => line.trim() !== "");
  return `${outcome(result, timeoutMs)}${said === undefined ? "" : `: ${said.trim()}`}`;
}

/** A guest command as root with the spec's env, its text on stdin. */
function scriptCommand(spec: VmSpec, content: string | Buffer): { command: string; input: Buffer } {
  const script = Buffer.from(content);
  return {
    command: asRoot(spec.user, RUN_SCRIPT, interpreterOf(script)),
    input: Buffer.concat([Buffer.from(`${environment(spec.env)}\n`), script]),
  };
}

function stepCommand(spec: VmSpec, step: GuestStep): { command: string; input: Buffer } {
  switch (step.kind) {
    case "file":
      return {
        command: asRoot(spec.user, FILE_SCRIPT, [step.to, step.mode, step.owner]),
        input: step.content,
      };
    case "script":
      return scriptCommand({ ...spec, env: { ...spec.env, ...step.env } }, step.content);
    case "run":
      return scriptCommand(spec, step.command);
  }
}

/** The words of a script's `#!` line as the kernel reads it (interpreter and at most one argument). */
export function interpreterOf(script: Buffer): string[] {
  const end = script.indexOf("\n");
  const line = script.subarray(0, end < 0 ? Math.min(script.length, 256) : end).toString("utf8");
  const [, interpreter, argument] = /^#![ \t]*(\S+)[ \t]*(.*?)[ \t\r]*$/.exec(line) ?? [];
  if (interpreter === undefined) return ["/bin/sh"];
  return argument === undefined || argument === "" ? [interpreter] : [interpreter, argument];
}

/** Base64 of `export NAME='value'` lines. */
export function environment(env: Readonly<Record<string, string>>): string {
  const lines = Object.entries(env).map(([name, value]) => {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
      fail({
        code: "config/bad-environment-name",
        summary: `"${name}" is no name of an environment variable`,
        hint: "Use letters, digits and underscores.",
      });
    }
    return `export ${name}=${shellQuote(value)}\n`;
  });
  return Buffer.from(lines.join("")).toString("base64");
}

function outcome({ code, timedOut, stderr }: GuestResult, timeoutMs: number): string {
  if (timedOut) return `not done after ${Math.round(timeoutMs / 1000)} s`;
  // ssh's own failures have code 255 and a message of ssh's.
  if (code === 255 && /^(ssh|kex_|Connection|client_loop|Host key)/m.test(stderr))
    return "the SSH connection broke";
  return code === null ? "ended by a signal" : `exit code ${code}`;
}

function linesOf({ stdout, stderr }: GuestResult): string[] {
  return [stdout, stderr].flatMap((text) => (text.trim() === "" ? [] : text.trimEnd().split("\n")));
}

function outputTail(lines: readonly string[]): string {
  return lines.length === 0
    ? "It printed nothing."
    : `Its output ends with:\n${indent(lines.slice(-TAIL_LINES))}`;
}
